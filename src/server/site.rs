use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use leptos::config::LeptosOptions;
use rust_embed::RustEmbed;

/// What `tools/site.sh` made: css, js, wasm and their compressed copies. Debug builds read it from the folder.
#[derive(RustEmbed)]
#[folder = "target/site"]
#[allow_missing = true]
struct Site;

const NAME: &str = "tracellm";

/// Where pages find the site. Its folder has a hash of the content in its name, so that browsers may keep it for ever.
pub fn leptos_options() -> LeptosOptions {
    let script = format!("/{NAME}.js");
    let pkg = Site::iter().find_map(|path| path.strip_suffix(script.as_str()).map(str::to_owned));
    if pkg.is_none() {
        tracing::warn!("this binary carries no site: pages work, but without style and script; `make build` makes one that does");
    }
    LeptosOptions::builder().output_name(NAME).site_pkg_dir(pkg.unwrap_or_else(|| "pkg".to_owned())).build()
}

/// Whether there is such a file.
pub fn has(path: &str) -> bool {
    Site::get(path.trim_start_matches('/')).is_some()
}

/// The address of the style of pages.
pub fn css_path() -> String {
    let name = format!("/{NAME}.css");
    Site::iter().find(|path| path.ends_with(&name)).map_or(name, |path| format!("/{path}"))
}

/// The style of pages; empty where this binary carries no site.
pub fn css() -> String {
    let name = format!("/{NAME}.css");
    let file = Site::iter().find(|path| path.ends_with(&name)).and_then(|path| Site::get(&path));
    file.map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}

/// A file of the site, compressed where the client takes that.
pub fn file(path: &str, request: &HeaderMap) -> Option<Response> {
    let path = path.trim_start_matches('/');
    let accepted = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encodings = [("br", ".br"), ("gzip", ".gz")].into_iter().filter(|(name, _)| accepts(accepted, name));
    let compressed = encodings.filter_map(|(name, suffix)| Some((Site::get(&format!("{path}{suffix}"))?, Some(name)))).next();
    let (file, encoding) = compressed.or_else(|| Some((Site::get(path)?, None)))?;

    let kind = mime_guess::from_path(path).first_or_octet_stream();
    // Everything in the folder with the hash is what it is for ever.
    let cache = if path.contains('/') { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    let mut response = Body::from(file.data).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(kind.as_ref()).ok()?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

/// Whether an `Accept-Encoding` names an encoding and does not rule it out by `q=0`.
fn accepts(header: &str, name: &str) -> bool {
    header.split(',').any(|part| {
        let (encoding, weight) = part.split_once(';').unwrap_or((part, ""));
        encoding.trim().eq_ignore_ascii_case(name) && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}
