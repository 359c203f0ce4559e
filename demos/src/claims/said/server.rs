//! 15. "While I wait for a server nothing happens." The server's own time on a core
//!     while the task waited for its answer.

use std::time::Duration;

use super::{Claim, Fact, Judgement, Lab, Sizes, uninterrupted::reference_command};
use crate::{
    claims::judgement::{Answer, Band},
    units,
};

/// Of the time that was waited, the share in which the server had a core. It shares the
/// machine with a program for each core, so that its own share is far from all.
const AT_WORK: Band = Band { no: 0.02, yes: 0.1 };

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    waited: Duration,
    server: Option<Duration>,
}

impl Claim for Figures {
    const SAID: &'static str = "While I wait for a server nothing happens.";

    fn command(sizes: &Sizes) -> String {
        reference_command(sizes)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let frames = &lab.reference()?.output;
        Ok(Self {
            waited: frames.asked,
            server: frames.server,
        })
    }

    fn judge(&self) -> Judgement {
        let waited = units::duration(self.waited);
        let Some(server) = self.server else {
            return Judgement::undecided(format!(
                "The task waited for {waited}; this system does not say what the server did."
            ));
        };
        let said = format!(
            "While the task waited for {waited}, the server's process was on a core for {}",
            units::duration(server)
        );
        match AT_WORK.ask(server.div_duration_f64(self.waited)) {
            Answer::Yes => Judgement::does_not_hold(format!("{said}: someone else's work.")),
            Answer::No => Judgement::holds(format!("{said}.")),
            Answer::Unclear => Judgement::undecided(format!("{said}: too little to tell.")),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::time("waited_s", "waited", self.waited),
            Fact::known("server_cpu_s", "server on a core", self.server, Fact::time),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            waited: Duration::from_secs(1),
            server: Some(Duration::from_millis(600)),
        };
        let server = |millis| Self {
            server: Some(Duration::from_millis(millis)),
            ..usual
        };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(server(1), Verdict::Holds)],
            nothing: vec![
                server(50),
                Self {
                    server: None,
                    ..usual
                },
                Self {
                    waited: Duration::ZERO,
                    server: Some(Duration::ZERO),
                },
            ],
        }
    }
}
