//! Lists that somebody saved, for whoever may read what they ask for.

use tracellm_trace::SavedView;
use uuid::Uuid;

use crate::{StoreError, TraceStore, audit::Auditor, json::written};

/// Under which they are kept, with the id behind it.
pub(crate) const NAMES: &str = "views/";

/// All of them, by name.
///
/// # Errors
/// The database does not answer.
pub async fn views(store: &dyn TraceStore) -> Result<Vec<SavedView>, StoreError> {
    let found = store.settings(NAMES).await?;
    // What can't be read was saved by another version.
    let mut views: Vec<SavedView> = found.values().filter_map(|text| read(text)).collect();
    views.sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then(a.saved_at.cmp(&b.saved_at)));
    Ok(views)
}

pub(crate) fn read(text: &str) -> Option<SavedView> {
    serde_json::from_str(text).ok()
}

/// Saves one that was checked, under an id of its own.
///
/// # Errors
/// The database does not answer.
pub async fn save(store: &dyn TraceStore, audit: &Auditor, view: SavedView) -> Result<SavedView, StoreError> {
    let view = SavedView { view_id: Uuid::new_v4().simple().to_string(), name: view.name.trim().to_owned(), ..view };
    let text = written(&view)?;
    store.set_setting(&format!("{NAMES}{}", view.view_id), Some(&text)).await?;
    audit.note("view.saved", &*view.name).await?;
    Ok(view)
}

/// Forgets one.
///
/// # Errors
/// The database does not answer.
pub async fn remove(store: &dyn TraceStore, audit: &Auditor, view_id: &str) -> Result<(), StoreError> {
    let name = format!("{NAMES}{view_id}");
    let Some(text) = store.setting(&name).await? else { return Ok(()) };
    audit.note("view.removed", read(&text).map_or_else(|| view_id.to_owned(), |view| view.name)).await?;
    store.set_setting(&name, None).await
}
