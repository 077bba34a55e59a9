use fastrand::Rng;
use serde_json::{Value, json};
use tracellm_trace::Timestamp;

/// When they run.
mod calendar;
use calendar::{BURST_FAILURES, Calendar};

/// What the made-up applications do.
mod scenarios;
use scenarios::SCENARIOS;

/// Made-up raw traces, the oldest first; the same seed, end and count make the same ones.
pub struct Demo {
    rng: Rng,
    seed: u64,
    calendar: Calendar,
    count: u64,
    made: u64,
}

/// An application that is traced.
struct Scenario {
    project: &'static str,
    environments: &'static [&'static str],
    models: &'static [Model],
    prompts: &'static [(&'static str, &'static str)],
    steps: &'static [StepPlan],
    tags: &'static [&'static str],
    /// Of 100 runs, how many have a step that fails for good.
    failures_per_100: u32,
    /// Of 100 runs, how many have a step that fails and is repeated.
    retries_per_100: u32,
}

/// A model with its price in US dollars per million tokens.
struct Model {
    name: &'static str,
    input_usd: f64,
    output_usd: f64,
}

struct StepPlan {
    tool: &'static str,
    kind: &'static str,
    /// Milliseconds, at its most usual.
    usual_ms: f64,
    input: &'static str,
    output: &'static str,
    errors: &'static [&'static str],
}

impl Demo {
    pub fn new(seed: u64, end: Timestamp, count: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let calendar = Calendar::new(&mut rng, end, count, SCENARIOS.len());
        Self { rng, seed, calendar, count, made: 0 }
    }

    fn trace(&mut self) -> Value {
        let rng = &mut self.rng;
        let project = rng.usize(..SCENARIOS.len());
        let scenario = &SCENARIOS[project];
        let model = pick(rng, scenario.models);
        let (prompt, response) = *pick(rng, scenario.prompts);
        let started = self.calendar.begin_of(rng, self.made);

        let failures = if self.calendar.is_failing(project, started) { BURST_FAILURES } else { scenario.failures_per_100 };
        let broken = (rng.u32(..100) < failures).then(|| pick_fallible(rng, scenario));
        let retried = (rng.u32(..100) < scenario.retries_per_100).then(|| pick_fallible(rng, scenario));
        let mut run = Run { rng, model, prompt, clock: started as f64, steps: Vec::new(), cost: 0.0 };
        for (index, plan) in scenario.steps.iter().enumerate() {
            if retried == Some(index) {
                run.step(plan, false);
            }
            run.step(plan, broken != Some(index));
            if broken == Some(index) {
                break;
            }
        }
        let (steps, cost) = (run.steps, run.cost);
        let latency = round(run.clock - started as f64 + rng.f64() * 8.0);
        let id = format!("demo_{:016x}", self.seed.wrapping_add(self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let session = format!("session-{:03}", rng.u32(..40));
        let mut trace = json!({
            "trace_id": id, "prompt": prompt, "response": response, "latency": latency, "model_name": model.name,
            "project_id": scenario.project, "environment": pick(rng, scenario.environments), "created_at": started, "steps": steps,
            "cost_usd": cost, "session_id": session, "user_id": format!("user-{:02}", rng.u32(..25)), "tags": scenario.tags,
            "metadata": {"release": format!("2026.{}.{}", rng.u32(1..4), rng.u32(..9)), "region": pick(rng, &["eu-west", "us-east", "ap-south"])},
        });
        match broken {
            Some(_) => trace["response"] = Value::Null,
            // The repeat worked: worth a look, not a failure.
            None if retried.is_some() => trace["status"] = "warning".into(),
            None => trace["status"] = "success".into(),
        }
        trace
    }
}

impl Iterator for Demo {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.made == self.count {
            return None;
        }
        let trace = self.trace();
        self.made += 1;
        Some(trace.to_string())
    }
}

/// One execution as it goes.
struct Run<'a> {
    rng: &'a mut Rng,
    model: &'a Model,
    prompt: &'a str,
    /// Milliseconds after 1970.
    clock: f64,
    steps: Vec<Value>,
    cost: f64,
}

impl Run<'_> {
    fn step(&mut self, plan: &StepPlan, success: bool) {
        // Most steps take their usual time, a few take many times as long, and one in 500 hangs.
        let hangs = if self.rng.u32(..500) == 0 { 10.0 + 30.0 * self.rng.f64() } else { 0.0 };
        let duration = round(plan.usual_ms * (0.6 + 0.8 * self.rng.f64() + 3.0 * self.rng.f64().powi(12) + hangs));
        let mut step = json!({
            "tool_name": plan.tool, "kind": plan.kind, "duration": duration, "success": success, "timestamp": self.clock as i64,
            "input": {"query": self.prompt, "detail": plan.input}, "output": {"result": plan.output},
        });
        if plan.kind == "llm" {
            let (input, output) = (self.rng.u32(300..2_400), self.rng.u32(60..700));
            self.cost += round_cost(f64::from(input) * self.model.input_usd + f64::from(output) * self.model.output_usd);
            step["model_name"] = self.model.name.into();
            step["input_tokens"] = input.into();
            step["output_tokens"] = if success { output } else { 0 }.into();
        }
        if !success {
            step["output"] = json!({"error": pick(self.rng, plan.errors)});
        }
        self.clock += duration + self.rng.f64() * 12.0;
        self.steps.push(step);
    }
}

fn pick<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

/// A step that has ways to fail; each scenario has one.
fn pick_fallible(rng: &mut Rng, scenario: &Scenario) -> usize {
    let fallible: Vec<usize> = (0..scenario.steps.len()).filter(|&index| !scenario.steps[index].errors.is_empty()).collect();
    *pick(rng, &fallible)
}

fn round(ms: f64) -> f64 {
    (ms * 100.0).round() / 100.0
}

/// From dollars per million tokens to dollars, to a ten-thousandth of a cent.
fn round_cost(micro_usd: f64) -> f64 {
    micro_usd.round() / 1e6
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tracellm_trace::{Context, Source, Status, Timestamp, normalize};

    use super::Demo;

    #[test]
    fn the_same_seed_makes_the_same_traces() {
        let end = Timestamp::parse("2026-11-23").unwrap();
        let made = |seed| Demo::new(seed, end, 300).collect::<Vec<_>>();
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
    }

    #[test]
    fn every_kind_of_trace_is_there_and_none_is_faulty() {
        let end = Timestamp::parse("2026-11-23").unwrap();
        let context = Context::with_id(end, "", Source::Demo);
        let traces: Vec<_> = Demo::new(1, end, 300).map(|raw| normalize(&raw, &context).unwrap().trace).collect();
        for &status in Status::ALL {
            assert!(traces.iter().filter(|trace| trace.status == status).count() > 10, "{status}");
        }
        assert!(traces.iter().any(|trace| trace.slow_request) && traces.iter().any(|trace| !trace.slow_request));
        assert!(traces.iter().all(|trace| trace.created_at < end && (trace.token_count > 0 || trace.status == Status::Failed)));
        let ids: std::collections::HashSet<_> = traces.iter().map(|trace| &trace.trace_id).collect();
        assert_eq!(ids.len(), 300);
    }

    #[test]
    fn many_make_a_month_with_nights_and_weekends() {
        let end = Timestamp::parse("2026-11-23").unwrap();
        let begins: Vec<i64> =
            Demo::new(1, end, 30_000).map(|raw| serde_json::from_str::<Value>(&raw).unwrap()["created_at"].as_i64().unwrap()).collect();
        let of = |hours: std::ops::Range<i64>, days: std::ops::Range<i64>| {
            let is_within = |begin: &&i64| {
                let hour = begin.div_euclid(3_600_000);
                hours.contains(&hour.rem_euclid(24)) && days.contains(&(hour.div_euclid(24) + 3).rem_euclid(7))
            };
            begins.iter().filter(is_within).count()
        };
        assert!(end.millis() - begins[0] > 29 * 24 * 3_600_000 && begins.iter().all(|begin| *begin < end.millis()));
        assert!(begins.windows(2).filter(|pair| pair[1] < pair[0] - 60_000).count() == 0, "the oldest first");
        assert!(of(9..11, 0..5) > 5 * of(2..4, 0..5), "people sleep");
        assert!(of(0..24, 0..5) / 5 > 2 * of(0..24, 5..7) / 2, "and have weekends");
    }
}
