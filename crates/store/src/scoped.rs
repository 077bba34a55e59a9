use std::{collections::BTreeMap, sync::Arc};

use futures_util::FutureExt;
use tokio::sync::broadcast;
use tracellm_trace::{
    ApiKey, Diagnosis, FacetTally, Filter, Page, Project, Query, Role, Scope, Timestamp, Total, Trace, TraceSummary, User,
    masking::Maskers, otlp::Span, stats::Tally,
};

use crate::{
    BoxFuture, Documents, Health, KeyMark, NewSpan, NewTrace, Plan, PutOutcome, Repaired, Rows, StoreError, StoredKey, Subscription,
    TraceKey, TraceStore, WriteMetrics, groups, views,
};

/// A store as one user may use it: the one place where it is decided what that is. Whatever is asked of another project is refused before
/// the database hears of it.
pub struct ScopedStore {
    inner: Arc<dyn TraceStore>,
    /// Why nobody knows who asks, where that is so.
    user: Result<Arc<User>, StoreError>,
}

impl ScopedStore {
    pub fn new(inner: Arc<dyn TraceStore>, user: Result<Arc<User>, StoreError>) -> Self {
        Self { inner, user }
    }

    fn user(&self) -> Result<&User, StoreError> {
        self.user.as_deref().map_err(Clone::clone)
    }

    fn need(&self, role: Role, project_id: &str) -> Result<(), StoreError> {
        let user = self.user()?;
        if user.may(role, project_id) { Ok(()) } else { Err(refused(user, role, &format!("in the project `{project_id}`"))) }
    }

    fn need_everywhere(&self, role: Role) -> Result<(), StoreError> {
        let user = self.user()?;
        if user.may_everywhere(role) { Ok(()) } else { Err(refused(user, role, "in every project")) }
    }

    fn narrow(&self, filter: &Filter) -> Result<Filter, StoreError> {
        let project_id = self.user()?.read_from(filter.project_id.clone()).map_err(StoreError::Forbidden)?;
        Ok(Filter { project_id, ..filter.clone() })
    }

    fn narrow_query(&self, query: &Query) -> Result<Query, StoreError> {
        Ok(Query { filter: self.narrow(&query.filter)?, ..query.clone() })
    }

    fn need_of_each(&self, role: Role, keys: &[TraceKey]) -> Result<(), StoreError> {
        keys.iter().try_for_each(|key| self.need(role, &key.project_id))
    }

    /// Who may change a setting, by its name.
    fn need_for_setting(&self, name: &str) -> Result<(), StoreError> {
        if name.starts_with(views::NAMES) {
            let user = self.user()?;
            return if user.may_somewhere(Role::Member) { Ok(()) } else { Err(refused(user, Role::Member, "in some project")) };
        }
        match groups::project_of(name) {
            Some(project_id) => self.need(Role::Member, project_id),
            None => self.need_everywhere(Role::Admin),
        }
    }

    /// Who may read one. What is kept of users and sessions is nobody's to read here.
    fn need_to_read_setting(&self, name: &str) -> Result<(), StoreError> {
        match groups::project_of(name) {
            Some(project_id) => self.need(Role::Viewer, project_id),
            None if name.starts_with(views::NAMES) => self.user().map(drop),
            None if [crate::removal::RETENTION, crate::masking::NAME].contains(&name) => self.need_everywhere(Role::Viewer),
            None => Err(StoreError::Forbidden("this is not to be read".to_owned())),
        }
    }
}

fn refused(user: &User, role: Role, place: &str) -> StoreError {
    StoreError::Forbidden(format!("{} is no {} {place}", user.name, role.as_str()))
}

/// Does it where it may be done.
macro_rules! checked {
    ($check:expr, $done:expr) => {
        async move {
            let checked = $check?;
            $done(checked).await
        }
        .boxed()
    };
}

impl TraceStore for ScopedStore {
    fn put(&self, traces: Vec<NewTrace>) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>> {
        let check = traces.iter().try_for_each(|new| self.need(Role::Member, &new.trace.project_id));
        checked!(check, |()| self.inner.put(traces))
    }

    fn put_spans(&self, spans: Vec<NewSpan>, now: Timestamp) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>> {
        let check = spans.iter().try_for_each(|new| self.need(Role::Member, &new.project_id));
        checked!(check, |()| self.inner.put_spans(spans, now))
    }

    fn spans<'a>(&'a self, project_id: &'a str, trace_id: &'a str) -> BoxFuture<'a, Result<Vec<Span>, StoreError>> {
        checked!(self.need(Role::Viewer, project_id), |()| self.inner.spans(project_id, trace_id))
    }

    fn document<'a>(&'a self, project_id: Option<&'a str>, trace_id: &'a str) -> BoxFuture<'a, Result<Option<Trace>, StoreError>> {
        async move {
            let user = self.user()?;
            if let Some(project_id) = project_id {
                self.need(Role::Viewer, project_id)?;
                return self.inner.document(Some(project_id), trace_id).await;
            }
            if user.may_everywhere(Role::Viewer) {
                return self.inner.document(None, trace_id).await;
            }
            let mut newest: Option<Trace> = None;
            for project_id in user.projects.keys() {
                let found = self.inner.document(Some(project_id), trace_id).await?;
                newest = newest.into_iter().chain(found).max_by_key(|trace| trace.created_at);
            }
            Ok(newest)
        }
        .boxed()
    }

    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<TraceSummary>, StoreError>> {
        async move { self.inner.list(&self.narrow_query(query)?).await }.boxed()
    }

    fn list_documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<Trace>, StoreError>> {
        async move { self.inner.list_documents(&self.narrow_query(query)?).await }.boxed()
    }

    fn documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Documents, StoreError>> {
        async move { self.inner.documents(&self.narrow_query(query)?).await }.boxed()
    }

    fn count<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Total, StoreError>> {
        async move { self.inner.count(&self.narrow(filter)?).await }.boxed()
    }

    fn rows<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Rows, StoreError>> {
        async move { self.inner.rows(&self.narrow_query(query)?).await }.boxed()
    }

    fn remove(&self, keys: Vec<TraceKey>) -> BoxFuture<'_, Result<u64, StoreError>> {
        checked!(self.need_of_each(Role::Admin, &keys), |()| self.inner.remove(keys))
    }

    fn remove_spans(&self, keys: Vec<TraceKey>) -> BoxFuture<'_, Result<(), StoreError>> {
        checked!(self.need_of_each(Role::Admin, &keys), |()| self.inner.remove_spans(keys))
    }

    fn reclaim(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        checked!(self.need_everywhere(Role::Admin), |()| self.inner.reclaim())
    }

    fn remove_project<'a>(&'a self, project_id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        checked!(self.need(Role::Admin, project_id), |()| self.inner.remove_project(project_id))
    }

    fn setting<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        checked!(self.need_to_read_setting(name), |()| self.inner.setting(name))
    }

    fn settings<'a>(&'a self, begin: &'a str) -> BoxFuture<'a, Result<BTreeMap<String, String>, StoreError>> {
        async move {
            self.need_to_read_setting(begin)?;
            let mut found = self.inner.settings(begin).await?;
            if begin.starts_with(views::NAMES) {
                let user = self.user()?;
                found.retain(|_, text| views::read(text).is_some_and(|view| view.is_for(user, Role::Viewer)));
            }
            Ok(found)
        }
        .boxed()
    }

    fn set_setting<'a>(&'a self, name: &'a str, value: Option<&'a str>) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            self.need_for_setting(name)?;
            if name.starts_with(views::NAMES) {
                let user = self.user()?;
                let stands = self.inner.setting(name).await?.and_then(|text| views::read(&text));
                if stands.is_some_and(|view| !view.is_for(user, Role::Admin)) {
                    return Err(refused(user, Role::Admin, "of what this view asks for, and did not save it"));
                }
            }
            self.inner.set_setting(name, value).await
        }
        .boxed()
    }

    fn add_setting<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        checked!(self.need_for_setting(name), |()| self.inner.add_setting(name, value))
    }

    fn maskers(&self) -> BoxFuture<'_, Result<Arc<Maskers>, StoreError>> {
        self.inner.maskers()
    }

    fn tally<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Tally, StoreError>> {
        async move { self.inner.tally(&self.narrow(filter)?).await }.boxed()
    }

    /// Facets tell of other values than the filter asks for, so of other projects too: those are taken out.
    fn facets<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<FacetTally, StoreError>> {
        async move {
            let narrowed = self.narrow(filter)?;
            let mut tally = self.inner.facets(&narrowed).await?;
            let user = self.user()?;
            tally.retain_projects(|project_id| user.may(Role::Viewer, project_id));
            Ok(tally)
        }
        .boxed()
    }

    fn repair_rollups(&self) -> BoxFuture<'_, Result<Repaired, StoreError>> {
        checked!(self.need_everywhere(Role::Admin), |()| self.inner.repair_rollups())
    }

    fn project_ids(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        async move {
            let user = self.user()?;
            let all = self.inner.project_ids().await?;
            Ok(all.into_iter().filter(|project_id| user.may(Role::Viewer, project_id)).collect())
        }
        .boxed()
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, StoreError>> {
        async move {
            let user = self.user()?;
            let all = self.inner.projects().await?;
            Ok(all.into_iter().filter(|project| user.may(Role::Viewer, &project.project_id)).collect())
        }
        .boxed()
    }

    fn add_project<'a>(&'a self, project: &'a Project) -> BoxFuture<'a, Result<bool, StoreError>> {
        checked!(self.need_everywhere(Role::Admin), |()| self.inner.add_project(project))
    }

    /// Those of projects in which they may make some.
    fn keys<'a>(&'a self, project_id: Option<&'a str>) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreError>> {
        async move {
            let user = self.user()?;
            let all = self.inner.keys(project_id).await?;
            // One that opens everything is more than one project.
            let is_own = |key: &ApiKey| match key.scope {
                Scope::Admin => user.may_everywhere(Role::Admin),
                _ => user.may(Role::Admin, &key.project_id),
            };
            Ok(all.into_iter().filter(|stored| is_own(&stored.key)).collect())
        }
        .boxed()
    }

    fn add_key<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<bool, StoreError>> {
        // A key that opens everything is more than one project.
        let check = match key.key.scope {
            Scope::Admin => self.need_everywhere(Role::Admin),
            _ => self.need(Role::Admin, &key.key.project_id),
        };
        checked!(check, |()| self.inner.add_key(key))
    }

    fn hide_key<'a>(&'a self, clear: &'a str, hash: &'a str, key_id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        checked!(self.need_everywhere(Role::Admin), |()| self.inner.hide_key(clear, hash, key_id))
    }

    fn find_key<'a>(&'a self, stored_as: &'a [String]) -> BoxFuture<'a, Result<Option<ApiKey>, StoreError>> {
        checked!(self.need_everywhere(Role::Admin), |()| self.inner.find_key(stored_as))
    }

    fn mark_key<'a>(&'a self, key_id: &'a str, mark: KeyMark, at: Timestamp) -> BoxFuture<'a, Result<bool, StoreError>> {
        async move {
            let own = self.keys(None).await?;
            if own.iter().any(|stored| stored.key.key_id == key_id) { self.inner.mark_key(key_id, mark, at).await } else { Ok(false) }
        }
        .boxed()
    }

    /// Nothing: what is told of all projects is narrowed where it is sent.
    fn watch<'a>(&'a self, _behind: Option<&'a str>) -> BoxFuture<'a, Subscription> {
        async { Subscription { missed: Vec::new(), news: broadcast::channel(1).1 } }.boxed()
    }

    fn stop_watching(&self) {}

    fn plan<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Plan, StoreError>> {
        async move { self.inner.plan(&self.narrow_query(query)?).await }.boxed()
    }

    fn examine(&self, thorough: bool) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        checked!(self.need_everywhere(Role::Viewer), |()| self.inner.examine(thorough))
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>> {
        self.inner.health()
    }

    fn write_metrics(&self) -> WriteMetrics {
        self.inner.write_metrics()
    }

    /// It is not theirs to close.
    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}
