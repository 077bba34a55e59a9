use rusqlite::types::Value;
use tracellm_trace::Filter;

/// A `WHERE` clause that grows, and the values for its question marks.
#[derive(Default)]
pub(super) struct Conditions {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Conditions {
    /// The conditions of a filter. Taken apart field by field, so that a new one can't be forgotten here.
    pub fn of(filter: &Filter) -> Self {
        let Filter {
            status,
            model,
            project_id,
            environment,
            latency_min,
            latency_max,
            token_min,
            token_max,
            from,
            to,
            last: _,
            q,
            session_id,
            user_id,
            tag,
            retried,
            slow,
        } = filter;
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let mut conditions = Self::default();
        let wanted: [(&str, Option<Value>); 14] = [
            ("status = ?", status.map(|status| status.as_str().to_owned().into())),
            ("model_name = ?", text(model)),
            ("project_id = ?", text(project_id)),
            ("environment = ?", text(environment)),
            ("latency >= ?", latency_min.map(Value::from)),
            ("latency <= ?", latency_max.map(Value::from)),
            ("token_count >= ?", token_min.map(Value::from)),
            ("token_count <= ?", token_max.map(Value::from)),
            ("created_at >= ?", from.map(|time| time.millis().into())),
            ("created_at < ?", to.map(|time| time.millis().into())),
            ("session_id = ?", text(session_id)),
            ("user_id = ?", text(user_id)),
            ("EXISTS (SELECT 1 FROM json_each(traces.tags) WHERE value = ?)", text(tag)),
            ("mentions(doc, ?)", q.as_ref().map(|q| q.to_lowercase().into())),
        ];
        for (condition, value) in wanted {
            if let Some(value) = value {
                conditions.add(condition, [value]);
            }
        }
        // As the partial indexes say it, so that they serve.
        for (condition, is_wanted) in [("retry_count > 0", retried), ("slow_request = 1", slow)] {
            if *is_wanted {
                conditions.add(condition, []);
            }
        }
        conditions
    }

    pub fn add(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
        self.values.extend(values);
    }
}
