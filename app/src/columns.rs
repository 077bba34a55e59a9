/// The columns of a list that can be hidden and made wider: the name in cookie and style, and the one that people read.
pub const ALL: [(&str, &str); 5] =
    [("model", "Model, project"), ("latency", "Latency"), ("tokens", "Tokens"), ("cost", "Cost"), ("started", "Started")];

/// The cookies that carry those that are hidden, their widths, and how times are told, so that the server's first page has them already.
pub const COOKIE: &str = "hidden-columns";
const WIDTHS: &str = "column-widths";
const TIMES: &str = "times";

/// Pixels that a column may have.
pub const NARROWEST: u32 = 60;
pub const WIDEST: u32 = 480;

/// On the document, those that are hidden, with spaces between them. Nothing but known names gets there.
#[cfg(feature = "ssr")]
pub fn hidden() -> Option<String> {
    let said = crate::cookies::read(COOKIE)?;
    let known: Vec<_> = ALL.into_iter().map(|(name, _)| name).filter(|name| said.split('.').any(|hidden| hidden == *name)).collect();
    (!known.is_empty()).then(|| known.join(" "))
}

/// What the server has put on the document.
#[cfg(not(feature = "ssr"))]
pub fn hidden() -> Option<String> {
    crate::dom::on_document("data-hide")
}

/// On the document, the widths that were chosen, as `model-220.cost-90`.
#[cfg(feature = "ssr")]
pub fn widths() -> Option<String> {
    let said = crate::cookies::read(WIDTHS)?;
    let known: Vec<_> = ALL.into_iter().filter_map(|(name, _)| Some(format!("{name}-{}", width_in(&said, name)?))).collect();
    (!known.is_empty()).then(|| known.join("."))
}

#[cfg(not(feature = "ssr"))]
pub fn widths() -> Option<String> {
    crate::dom::on_document("data-widths")
}

/// On the document, whether times are told as how long ago they were.
#[cfg(feature = "ssr")]
pub fn times() -> Option<String> {
    crate::cookies::read(TIMES).filter(|times| times == "ago")
}

#[cfg(not(feature = "ssr"))]
pub fn times() -> Option<String> {
    crate::dom::on_document("data-times")
}

/// The width that was chosen for a column.
pub fn width(name: &str) -> Option<u32> {
    width_in(&widths()?, name)
}

fn width_in(widths: &str, name: &str) -> Option<u32> {
    let found = widths.split('.').find_map(|one| one.strip_prefix(name)?.strip_prefix('-'));
    found?.parse().ok().filter(|width| (NARROWEST..=WIDEST).contains(width))
}

/// Where the heading of a column stands.
pub fn heading(name: &str) -> String {
    format!("table.traces th.{name}-column")
}

/// Makes a column so wide, and remembers it.
pub fn set_width(name: &str, width: u32) {
    let others =
        ALL.into_iter().filter(|(other, _)| *other != name).filter_map(|(other, _)| Some(format!("{other}-{}", self::width(other)?)));
    let all = others.chain([format!("{name}-{width}")]).collect::<Vec<_>>().join(".");
    crate::cookies::remember(WIDTHS, &all);
    crate::dom::put_on_document("data-widths", Some(&all));
    for heading in crate::dom::elements(&heading(name)) {
        // An attribute name that is valid is never refused.
        let _ = heading.set_attribute("width", &width.to_string());
    }
}

/// Has times told as how long ago they were, or as they are.
pub fn set_times(is_relative: bool) {
    let said = is_relative.then_some("ago");
    crate::cookies::remember(TIMES, said.unwrap_or_default());
    crate::dom::put_on_document("data-times", said);
}

#[cfg(test)]
mod tests {
    use super::width_in;

    #[test]
    fn widths_are_read_by_name_and_bounded() {
        let said = "model-220.cost-9.latency-1000.tokens-x.started-120";
        let all: Vec<_> = super::ALL.into_iter().filter_map(|(name, _)| width_in(said, name)).collect();
        assert_eq!(all, [220, 120]);
    }
}
