use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, Method, Uri, header, uri::Authority};
use tracellm_app::ApiError;

use crate::server::answer::refusal;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The names under which browsers may ask. A page of another site that gets at this machine, by a name of its own that leads here (DNS
/// rebinding) or by a script that just tries, asks under another name or tells where it comes from.
#[derive(Clone)]
pub struct Hosts {
    named: Arc<[String]>,
    is_any: bool,
}

impl Hosts {
    /// This machine's own names and these. Where none is named, a server that other machines reach answers to every name, as it can't
    /// know by which of them it is reached.
    pub fn new(mut named: Vec<String>, is_local: bool) -> Self {
        // A variable that is set to nothing names none.
        named.retain(|name| !name.is_empty());
        Self { is_any: !is_local && named.is_empty(), named: named.into() }
    }

    fn has(&self, host: &str) -> bool {
        is_this_machine(host) || self.is_named(host.strip_suffix('.').unwrap_or(host))
    }

    fn is_named(&self, host: &str) -> bool {
        self.named.iter().any(|named| named.eq_ignore_ascii_case(host))
    }

    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        // HTTP/2 has it in the URI. Whoever names no host at all is no browser.
        let asked: Option<Authority> = match (uri.authority(), text(&header::HOST)) {
            (Some(authority), _) => Some(authority.clone()),
            (None, Some(host)) => Some(host.parse().map_err(|_| ApiError::Stranger("the header `Host` names no host".to_owned()))?),
            (None, None) => None,
        };
        if let Some(host) = asked.as_ref().map(Authority::host).filter(|host| !self.is_any && !self.has(host)) {
            return Err(ApiError::Stranger(format!("this server does not answer to `{host}`; --allow-host {host} makes it do so")));
        }
        let is_ours = match (text(&FETCH_SITE), text(&header::ORIGIN)) {
            (Some("same-origin" | "none"), _) | (None, None) => true,
            // A link elsewhere that leads to a page.
            (Some(_), _) => *method == Method::GET && text(&FETCH_MODE) == Some("navigate"),
            (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, rest)| {
                rest.parse().is_ok_and(|origin: Authority| asked.as_ref() == Some(&origin) || self.is_named(origin.host()))
            }),
        };
        if is_ours { Ok(()) } else { Err(ApiError::Stranger("a page of another site may not ask this server".to_owned())) }
    }
}

/// Whether a host is this machine by a name or an address that no other has.
pub fn is_this_machine(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Refuses what a page of another site asks for.
pub async fn refuse_strangers(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match hosts.check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => refusal(error, request.uri(), request.headers()),
    }
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn who_is_reached_by_others_answers_to_what_is_named() {
        let answers = |named: &[&str]| {
            let hosts = Hosts::new(named.iter().map(|name| (*name).to_owned()).collect(), false);
            hosts.is_any || hosts.has("box.example.com")
        };
        assert!(answers(&[]) && answers(&[""]) && answers(&["box.example.com"]));
        assert!(!answers(&["traces.example.com"]));
    }

    #[test]
    fn this_machine_has_many_names() {
        let hosts = Hosts::new(vec!["Traces.example.com".to_owned()], true);
        for host in
            ["localhost", "LOCALHOST.", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "traces.EXAMPLE.com"]
        {
            assert!(hosts.has(host), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com", "127.0.0.1.example.com", "10.0.0.1", "[::2]", "0.0.0.0", "notlocalhost"] {
            assert!(!hosts.has(host), "{host}");
        }
    }
}
