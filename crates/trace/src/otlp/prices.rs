use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use serde::{Deserialize, Serialize};

use super::tokens::Tokens;

/// What models cost, in US dollars for a million tokens, as their makers published it on a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    date: String,
    /// For those who read the file; there is one.
    #[serde(default)]
    unit: String,
    /// None for a model whose cost is not to be told.
    models: BTreeMap<String, Option<Price>>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    input: f64,
    output: f64,
    /// Input that was read from a cache; as other input where there is no such price.
    #[serde(skip_serializing_if = "Option::is_none")]
    cached: Option<f64>,
    /// Input that was written to a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<f64>,
}

/// The table that the product ships with; `prices.json` says of which day it is.
static SHIPPED: LazyLock<Prices> = LazyLock::new(|| {
    read(include_str!("prices.json")).unwrap_or(Prices { date: String::new(), unit: String::new(), models: BTreeMap::new() })
});

/// The shipped table with one's own prices over it.
static OWN: OnceLock<Prices> = OnceLock::new();

/// The prices that costs are counted by.
pub fn prices() -> &'static Prices {
    OWN.get().unwrap_or(&SHIPPED)
}

/// Lays one's own prices over the shipped ones. The text is JSON as `prices.json`; a model that is `null` there has no price.
///
/// # Errors
/// It is no such table; the message names what is wrong.
pub fn install_prices(text: &str) -> Result<(), String> {
    read(text).map(Prices::install)
}

impl Prices {
    /// Lays them over the shipped ones, once in a process and before anything is folded there.
    pub fn install(mut self) {
        for (model, price) in &SHIPPED.models {
            self.models.entry(model.clone()).or_insert(*price);
        }
        // The first stay: a later table would make two of one trace.
        let _ = OWN.set(self);
    }
}

fn read(text: &str) -> Result<Prices, String> {
    let mut prices: Prices = serde_json::from_str(text).map_err(|error| error.to_string())?;
    for (model, price) in &prices.models {
        let Some(Price { input, output, cached, written }) = price else { continue };
        if let Some(wrong) =
            [Some(*input), Some(*output), *cached, *written].into_iter().flatten().find(|price| !price.is_finite() || *price < 0.0)
        {
            return Err(format!("`models.{model}` has the price {wrong}, which must be 0 or more"));
        }
    }
    prices.models = prices.models.into_iter().map(|(model, price)| (model.to_ascii_lowercase(), price)).collect();
    Ok(prices)
}

/// The day of the table.
pub(super) fn date() -> &'static str {
    &prices().date
}

/// What a call cost; none for a model that is not in the table, as a guess would count as a number.
pub(super) fn cost(model: &str, tokens: &Tokens) -> Option<f64> {
    if !tokens.is_some() {
        return None;
    }
    let price = prices().price(model)?;
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
        let full = model.to_ascii_lowercase();
        let last = full.rsplit('/').next()?;
        [full.as_str(), last].into_iter().find_map(|name| self.models.get(name).or_else(|| self.undated(name))).copied().flatten()
    }

    /// `gpt-4.1-2025-04-14` has a date of eight digits; the `4-5` of `claude-sonnet-4-5` is none.
    fn undated(&self, name: &str) -> Option<&Option<Price>> {
        let name = name.strip_suffix("-latest").unwrap_or(name);
        let base = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
        let dated = name.strip_prefix(base).unwrap_or_default();
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        let cut = dated.char_indices().filter(|(_, c)| *c == '-').map(|(at, _)| at);
        let mut cuts = cut.filter(|at| digits(&dated[*at..]) == 8);
        self.models.get(name).or_else(|| cuts.find_map(|at| self.models.get(&format!("{base}{}", &dated[..at]))))
    }
}

#[cfg(test)]
mod tests {
    use super::{Tokens, cost, read};

    #[test]
    fn known_models_have_a_price_and_others_none() {
        let tokens = Tokens { input: Some(1_000_000), output: Some(100_000), cached: Some(400_000), written: None, reasoning: None };
        assert_eq!(cost("gpt-4.1-mini-2025-04-14", &tokens), Some(0.44));
        for name in ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"] {
            assert_eq!(cost(name, &tokens), Some(3.42), "{name}");
        }
        assert!(cost("claude-3-5-haiku-latest", &tokens).is_some());
        let own = read(r#"{"date": "", "models": {"Meta-Llama/llama-3.3-70b": {"input": 1, "output": 2}}}"#).unwrap();
        assert!(own.price("meta-llama/Llama-3.3-70b").is_some() && own.price("other/llama-3.3-70b").is_none());
        for name in ["gpt-4.1-turbo", "claude", "", "gpt-4.1-mini-2025", "my-gpt-4.1"] {
            assert_eq!(cost(name, &tokens), None, "{name}");
        }
        assert_eq!(cost("gpt-4.1", &Tokens::default()), None);
    }

    #[test]
    fn a_table_that_is_none_is_refused_with_what_is_wrong() {
        let wrong = |text: &str| read(text).unwrap_err();
        assert!(wrong(r#"{"date": "2026-11-25", "models": {"m": {"input": 1}}}"#).contains("output"));
        assert!(wrong(r#"{"date": "2026-11-25", "models": {"m": {"input": -1, "output": 2}}}"#).contains("models.m"));
        assert!(wrong(r#"{"date": "2026-11-25", "models": {"m": {"input": 1, "output": 2, "cache": 1}}}"#).contains("cache"));
        assert!(read(r#"{"date": "2026-11-25", "models": {"M": {"input": 1, "output": 2}, "n": null}}"#).is_ok());
    }
}
