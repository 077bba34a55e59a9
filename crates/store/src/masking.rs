//! What is masked before it is stored: the rules that are kept, and the maskers that they make.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracellm_trace::masking::{Maskers, Masking};

use crate::{StoreError, TraceStore, audit::Auditor, json::written};

/// Under which the rules are kept.
pub(crate) const NAME: &str = "masking";
/// They are looked up again after so long, as another process may have changed them.
const FRESH: Duration = Duration::from_secs(2);

/// The rules.
///
/// # Errors
/// The database does not answer, or what it keeps can't be read: nobody knows what is to be masked then.
pub async fn masking(store: &dyn TraceStore) -> Result<Masking, StoreError> {
    read(store.setting(NAME).await?.as_deref())
}

/// Sets them. They must have been checked.
///
/// # Errors
/// The database does not answer.
pub async fn set_masking(store: &dyn TraceStore, audit: &Auditor, masking: &Masking) -> Result<(), StoreError> {
    let text = written(masking)?;
    store.set_setting(NAME, Some(&text)).await?;
    audit.note("masking.set", text).await
}

fn read(text: Option<&str>) -> Result<Masking, StoreError> {
    let Some(text) = text else { return Ok(Masking::default()) };
    // Another version wrote them, and may be what reads them next; until then nothing is to be lost.
    serde_json::from_str(text).map_err(|error| StoreError::Unavailable(format!("the stored rules of masking can't be read: {error}")))
}

/// The maskers as they were last known.
#[derive(Default)]
pub(crate) struct Masks(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    known: Option<Known>,
    /// Counts how often the rules were forgotten, so that what was read before is not remembered after.
    round: u64,
}

struct Known {
    text: Option<String>,
    maskers: Arc<Maskers>,
    since: Instant,
}

impl Masks {
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets them, where this setting is theirs.
    pub fn forget(&self, name: &str) {
        if name == NAME {
            let mut remembered = self.remembered();
            remembered.known = None;
            remembered.round += 1;
        }
    }

    /// The maskers of a store. Where it does not answer, those that it told last.
    pub async fn get(&self, store: &dyn TraceStore) -> Result<Arc<Maskers>, StoreError> {
        let round = {
            let mut remembered = self.remembered();
            if let Some(known) = &mut remembered.known {
                if known.since.elapsed() < FRESH {
                    return Ok(known.maskers.clone());
                }
                // Of those who ask at once, one looks.
                known.since = Instant::now();
            }
            remembered.round
        };
        let found = store.setting(NAME).await.and_then(|text| Ok((read(text.as_deref())?, text)));
        let mut remembered = self.remembered();
        let (masking, text) = match (found, &remembered.known) {
            (Ok((_, text)), Some(last)) if last.text == text => return Ok(last.maskers.clone()),
            (Ok(found), _) => found,
            (Err(_), Some(last)) => return Ok(last.maskers.clone()),
            (Err(error), None) => return Err(error),
        };
        let maskers = Arc::new(Maskers::new(&masking));
        if remembered.round == round {
            remembered.known = Some(Known { text, maskers: maskers.clone(), since: Instant::now() });
        }
        Ok(maskers)
    }
}
