use std::{collections::HashMap, sync::LazyLock};

use serde::Deserialize;

use super::tokens::Tokens;

/// What models cost, in US dollars for a million tokens, as their makers published it on a day.
#[derive(Debug, Deserialize)]
struct Prices {
    models: HashMap<String, Price>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Price {
    input: f64,
    output: f64,
    /// Input that was read from a cache; as other input where there is no such price.
    cached: Option<f64>,
    /// Input that was written to a cache.
    written: Option<f64>,
}

/// The table that the product ships with; `prices.json` says of which day it is.
static SHIPPED: LazyLock<Prices> =
    LazyLock::new(|| serde_json::from_str(include_str!("prices.json")).unwrap_or(Prices { models: HashMap::new() }));

/// What a call cost; none for a model that is not in the table, as a guess would count as a number.
pub(super) fn cost(model: &str, tokens: &Tokens) -> Option<f64> {
    if !tokens.is_some() {
        return None;
    }
    let price = SHIPPED.price(model)?;
    let count = |tokens: Option<i64>| tokens.unwrap_or(0) as f64;
    let (read, written) = (count(tokens.cached), count(tokens.written));
    let plain = (count(tokens.input) - read - written).max(0.0);
    let micro = plain * price.input
        + read * price.cached.unwrap_or(price.input)
        + written * price.written.unwrap_or(price.input)
        + count(tokens.output) * price.output;
    // To a billionth of a dollar: below that is only the noise of adding up.
    Some((micro * 1e3).round() / 1e9)
}

impl Prices {
    /// The price of a model, whether or not its name says a provider before it or a date behind it.
    fn price(&self, model: &str) -> Option<Price> {
        let name = model.rsplit('/').next()?.to_ascii_lowercase();
        let undated = name.trim_end_matches("-latest").trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
        let dated = name.strip_prefix(undated).unwrap_or_default();
        // `gpt-4.1-2025-04-14` has a date of eight digits; the `4-5` of `claude-sonnet-4-5` is none.
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        self.models
            .get(&name)
            .or_else(|| {
                let cut = dated.char_indices().filter(|(_, c)| *c == '-').map(|(at, _)| at);
                let mut cuts = cut.filter(|at| digits(&dated[*at..]) == 8);
                cuts.find_map(|at| self.models.get(&format!("{undated}{}", &dated[..at])))
            })
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{Tokens, cost};

    #[test]
    fn known_models_have_a_price_and_others_none() {
        let tokens = Tokens { input: Some(1_000_000), output: Some(100_000), cached: Some(400_000), written: None, reasoning: None };
        assert_eq!(cost("gpt-4.1-mini-2025-04-14", &tokens), Some(0.44));
        for name in ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"] {
            assert_eq!(cost(name, &tokens), Some(3.42), "{name}");
        }
        for name in ["gpt-4.1-turbo", "claude", "", "gpt-4.1-mini-2025", "my-gpt-4.1"] {
            assert_eq!(cost(name, &tokens), None, "{name}");
        }
        assert_eq!(cost("gpt-4.1", &Tokens::default()), None);
    }
}
