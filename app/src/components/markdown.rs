use leptos::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::text_block::Verbatim;
use crate::visible::visible;

/// Longer texts are shown as they came.
const LONGEST: usize = 60_000;
/// Blocks within each other; what lies deeper is shown as text.
const DEEPEST: usize = 12;

/// What a model said, as Markdown. Nothing in it is obeyed: HTML is text, images are links, and a link says where it leads.
#[component]
pub fn Markdown(text: String) -> impl IntoView {
    if text.len() > LONGEST {
        return view! { <Verbatim class="prose">{visible(text)}</Verbatim> }.into_any();
    }
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut blocks = Blocks { open: vec![Block { tag: None, parts: Vec::new() }], lost: 0 };
    Parser::new_ext(&text, options).for_each(|event| blocks.take(event));
    view! { <div class="markdown">{blocks.finish()}</div> }.into_any()
}

/// What is open while the text is read, the innermost last.
struct Blocks<'a> {
    open: Vec<Block<'a>>,
    /// Blocks that lie too deep to be one.
    lost: usize,
}

struct Block<'a> {
    tag: Option<Tag<'a>>,
    parts: Vec<AnyView>,
}

impl<'a> Blocks<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(_) if self.open.len() > DEEPEST => self.lost += 1,
            Event::Start(tag) => self.open.push(Block { tag: Some(tag), parts: Vec::new() }),
            Event::End(_) if self.lost > 0 => self.lost -= 1,
            Event::End(end) => self.close(end),
            Event::Code(code) => self.put(view! { <code>{visible(code.to_string())}</code> }.into_any()),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.put(visible(text.to_string()).into_any());
            }
            Event::FootnoteReference(name) => self.put(visible(format!("[{name}]")).into_any()),
            Event::SoftBreak => self.put("\n".into_any()),
            Event::HardBreak => self.put(view! { <br /> }.into_any()),
            Event::Rule => self.put(view! { <hr /> }.into_any()),
            Event::TaskListMarker(is_done) => self.put(if is_done { "☑ " } else { "☐ " }.into_any()),
        }
    }

    fn put(&mut self, part: AnyView) {
        if let Some(block) = self.open.last_mut() {
            block.parts.push(part);
        }
    }

    fn close(&mut self, _end: TagEnd) {
        if self.open.len() > 1
            && let Some(Block { tag: Some(tag), parts }) = self.open.pop()
        {
            self.put(element(tag, parts));
        }
    }

    fn finish(mut self) -> Vec<AnyView> {
        self.open.drain(..).flat_map(|block| block.parts).collect()
    }
}

fn element(tag: Tag<'_>, parts: Vec<AnyView>) -> AnyView {
    match tag {
        Tag::Paragraph | Tag::HtmlBlock => view! { <p>{parts}</p> }.into_any(),
        // Below the headings of the page.
        Tag::Heading { level: HeadingLevel::H1 | HeadingLevel::H2, .. } => view! { <p class="heading"><strong>{parts}</strong></p> }.into_any(),
        Tag::Heading { .. } => view! { <p><strong>{parts}</strong></p> }.into_any(),
        Tag::BlockQuote(_) => view! { <blockquote>{parts}</blockquote> }.into_any(),
        Tag::CodeBlock(kind) => {
            let language = match kind {
                CodeBlockKind::Fenced(name) if !name.is_empty() => Some(visible(name.to_string())),
                _ => None,
            };
            view! {
                <div class="code">
                    {language.map(|name| view! { <span class="muted">{name}</span> })}
                    <Verbatim class="json">{parts}</Verbatim>
                </div>
            }
            .into_any()
        }
        Tag::List(Some(first)) => view! { <ol start=first.to_string()>{parts}</ol> }.into_any(),
        Tag::List(None) => view! { <ul>{parts}</ul> }.into_any(),
        Tag::Item => view! { <li>{parts}</li> }.into_any(),
        Tag::Table(_) => view! { <div class="table-frame" tabindex="0" role="group" aria-label="Table"><table class="plain"><tbody>{parts}</tbody></table></div> }.into_any(),
        Tag::TableHead => view! { <tr class="head">{parts}</tr> }.into_any(),
        Tag::TableRow => view! { <tr>{parts}</tr> }.into_any(),
        Tag::TableCell => view! { <td>{parts}</td> }.into_any(),
        Tag::Emphasis => view! { <em>{parts}</em> }.into_any(),
        Tag::Strong => view! { <strong>{parts}</strong> }.into_any(),
        Tag::Strikethrough => view! { <del>{parts}</del> }.into_any(),
        Tag::Link { dest_url, .. } => view! { {parts} " " <Leads to=dest_url.to_string() /> }.into_any(),
        Tag::Image { dest_url, .. } => view! { <span class="tag">"image"</span> " " {parts} " " <Leads to=dest_url.to_string() /> }.into_any(),
        _ => parts.into_any(),
    }
}

/// Where something leads; a link only where that is a page or a mail. Nothing is loaded until it is asked for.
#[component]
fn Leads(to: String) -> impl IntoView {
    let is_safe = ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| to.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let shown = match to.char_indices().nth(80) {
        Some((end, _)) => visible(format!("{}…", &to[..end])),
        None => visible(to.clone()),
    };
    if is_safe {
        view! { <a class="leads" href=to target="_blank" rel="noopener noreferrer nofollow external">{shown}</a> }.into_any()
    } else {
        view! { <code class="leads">{shown}</code> }.into_any()
    }
}
