const PREFIX: &str = "tlm_sk_";

/// Hides a secret key: `tlm_sk_…` and its last 4 characters. Whatever is no secret key, a masked one too, stays as it is.
///
/// ```
/// assert_eq!(tracellm_trace::mask_api_key("tlm_sk_0123456789abcdef".into()), "tlm_sk_…cdef");
/// ```
pub fn mask_api_key(key: String) -> String {
    let Some(secret) = key.strip_prefix(PREFIX) else { return key };
    if secret.starts_with('…') {
        return key;
    }
    let tail_start = secret.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    // A secret of four characters or fewer would stand there whole.
    let tail = if tail_start == 0 { "" } else { &secret[tail_start..] };
    format!("{PREFIX}…{tail}")
}
