/// The columns of a list that can be hidden: the name in cookie and style, and the one that people read.
pub const ALL: [(&str, &str); 5] =
    [("model", "Model, project"), ("latency", "Latency"), ("tokens", "Tokens"), ("cost", "Cost"), ("started", "Started")];

/// The cookie that carries those that are hidden, so that the server's first page has them already.
pub const COOKIE: &str = "hidden-columns";

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
