use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracellm_trace::ApiKey;

use crate::StoreError;

/// A key is looked up again after so long, as another process may have ended it.
const FRESH: Duration = Duration::from_secs(2);
/// Keys that are remembered.
const MOST: usize = 10_000;

/// The keys that were shown lately, by what is stored of them. Those that nobody has are not remembered.
#[derive(Default)]
pub(crate) struct KnownKeys(Mutex<Known>);

#[derive(Default)]
struct Known {
    keys: BTreeMap<String, (ApiKey, Instant)>,
    /// Counts how often all were forgotten, so that what was read before is not remembered after.
    round: u64,
}

impl KnownKeys {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all, as one has changed.
    pub fn forget(&self) {
        let mut known = self.known();
        known.keys.clear();
        known.round += 1;
    }

    /// The key that is remembered under the first of these, else what `look` finds.
    pub async fn get<F>(&self, stored_as: &[String], look: F) -> Result<Option<ApiKey>, StoreError>
    where
        F: Future<Output = Result<Option<ApiKey>, StoreError>>,
    {
        let Some(name) = stored_as.first() else { return look.await };
        let round = {
            let known = self.known();
            if let Some((key, since)) = known.keys.get(name)
                && since.elapsed() < FRESH
            {
                return Ok(Some(key.clone()));
            }
            known.round
        };
        let found = look.await?;
        let mut known = self.known();
        if known.keys.len() >= MOST {
            known.keys.clear();
        }
        match &found {
            Some(key) if known.round == round => drop(known.keys.insert(name.clone(), (key.clone(), Instant::now()))),
            _ => drop(known.keys.remove(name)),
        }
        Ok(found)
    }
}
