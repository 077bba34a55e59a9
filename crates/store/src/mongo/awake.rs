use std::time::{Duration, Instant, SystemTime};

/// A moment that tells how long ago it was, also where the machine slept since, while which the clock of [`Instant`] may stand still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub at: Instant,
    wall: SystemTime,
}

impl Moment {
    pub fn now() -> Self {
        Self { at: Instant::now(), wall: SystemTime::now() }
    }

    /// At least so long; more where the wall clock was set meanwhile.
    pub fn elapsed(self) -> Duration {
        self.at.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Moment};

    #[test]
    fn a_moment_knows_that_the_machine_slept_and_does_not_mind_a_clock_set_back() {
        let hour = Duration::from_secs(3_600);
        let now = Moment::now();
        assert!(Moment { wall: now.wall - hour, ..now }.elapsed() >= hour);
        assert!(Moment { wall: now.wall + hour, ..now }.elapsed() < hour);
    }
}
