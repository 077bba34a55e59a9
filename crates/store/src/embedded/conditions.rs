use rusqlite::types::Value;
use tracellm_trace::{
    Filter, Search, Status,
    search::{Bounds, Condition, Field},
};

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
        let wanted: [(&str, Option<Value>); 13] = [
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
        ];
        for (condition, value) in wanted {
            if let Some(value) = value {
                conditions.add(condition, [value]);
            }
        }
        for condition in q.iter().flat_map(Search::conditions) {
            conditions.add_condition(condition);
        }
        // As the partial indexes say it, so that they serve.
        for (condition, is_wanted) in [("retry_count > 0", retried), ("slow_request = 1", slow)] {
            if *is_wanted {
                conditions.add(condition, []);
            }
        }
        conditions
    }

    /// The same as an expression.
    pub fn expression(&self) -> String {
        let all = self.sql.strip_prefix(" WHERE ").unwrap_or("1");
        format!("({all})")
    }

    /// What stands in a search box of fields. Of texts and steps, each trace has to be asked.
    fn add_condition(&mut self, condition: &Condition) {
        let any = |column: &str, names: &[String]| {
            (format!("{column} IN ({})", vec!["?"; names.len()].join(", ")), names.iter().cloned().map(Value::from).collect::<Vec<_>>())
        };
        fn range<T: Into<Value>>(column: &str, bounds: Bounds<T>) -> (String, Vec<Value>) {
            let ends = [(bounds.least, ">="), (bounds.most, "<=")];
            let (sql, values): (Vec<_>, Vec<_>) =
                ends.into_iter().filter_map(|(end, sign)| Some((format!("{column} {sign} ?"), end?.into()))).unzip();
            (sql.join(" AND "), values)
        }
        let (sql, values) = match &condition.field {
            Field::Status(statuses) => any("status", &statuses.iter().map(Status::to_string).collect::<Vec<_>>()),
            Field::Model(names) => any("model_name", names),
            Field::Project(ids) => any("project_id", ids),
            Field::Environment(names) => any("environment", names),
            Field::Session(ids) => any("session_id", ids),
            Field::User(ids) => any("user_id", ids),
            Field::Tag(tags) => {
                let (is_any, values) = any("value", tags);
                (format!("EXISTS (SELECT 1 FROM json_each(traces.tags) WHERE {is_any})"), values)
            }
            Field::Latency(bounds) => range("latency", *bounds),
            Field::Tokens(bounds) => range("token_count", *bounds),
            Field::Cost(bounds) => range("cost_usd", *bounds),
            Field::Tool(_) => return,
        };
        // What is unknown is not what was asked for.
        let sql = if condition.is_not { format!("NOT coalesce({sql}, 0)") } else { format!("({sql})") };
        self.add(&sql, values);
    }

    pub fn add(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
        self.values.extend(values);
    }
}
