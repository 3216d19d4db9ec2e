//! For all dates and flags: proptest makes them up, and a slow reference, which shares nothing with
//! the table, says flag by flag what holds.

use isolane_compatibility::{Compatibility, Flag, names};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Days on which something changes.
const DAYS: [&str; 11] = [
    "2023-08-01",
    "2024-03-18",
    "2024-04-03",
    "2024-10-14",
    "2025-06-01",
    "2025-11-17",
    "2026-01-20",
    "2026-02-10",
    "2026-03-12",
    "2026-04-21",
    "2026-08-04",
];

/// What a configuration says.
struct Said<'a> {
    date: Option<&'a str>,
    flags: &'a [&'static str],
}

impl Said<'_> {
    fn names(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// On if it is named, unless its opposite is.
    fn by_name(&self, enabled: &str, disabled: &str) -> bool {
        self.names(enabled) && !self.names(disabled)
    }

    /// On from a day, unless something else is named. Without a date, all days have come.
    fn from(&self, since: &str, enabled: &str, disabled: &str) -> bool {
        let is_new = self.date.is_none_or(|date| day(date) >= day(since));
        !self.names(disabled) && (is_new || self.names(enabled))
    }

    fn has(&self, flag: Flag) -> bool {
        match flag {
            Flag::AllowEvalDuringStartup => {
                self.from("2025-06-01", "allow_eval_during_startup", "disallow_eval_during_startup")
            }
            Flag::BotManagementDefault => {
                !self.from("2023-08-01", "no_cf_botmanagement_default", "cf_botmanagement_default")
            }
            Flag::CtxExports => {
                self.from("2025-11-17", "enable_ctx_exports", "disable_ctx_exports")
            }
            Flag::DisallowImportableEnv => {
                self.by_name("disallow_importable_env", "allow_importable_env")
            }
            Flag::EnhancedErrorSerialization => self.from(
                "2026-04-21",
                "enhanced_error_serialization",
                "legacy_error_serialization",
            ),
            Flag::NodejsAls => self.by_name("nodejs_als", "no_nodejs_als"),
            Flag::NodejsCompat => {
                let is_new = self.date.is_some_and(|date| day(date) >= day("2026-08-04"));
                self.names("nodejs_compat")
                    || self.names("nodejs_compat_v2")
                    || (is_new && !self.names("no_nodejs_compat"))
            }
            Flag::NodejsGlobalTimers => {
                self.has(Flag::NodejsCompat)
                    && self.from(
                        "2026-02-10",
                        "enable_nodejs_global_timers",
                        "no_nodejs_global_timers",
                    )
            }
            Flag::QueueConsumerNoWaitForWaitUntil => self.by_name(
                "queue_consumer_no_wait_for_wait_until",
                "queue_consumer_wait_for_wait_until",
            ),
            Flag::QueueExposeErrorCodes => {
                self.from("2026-03-12", "queue_expose_error_codes", "no_queue_expose_error_codes")
            }
            Flag::QueuesJsonMessages => {
                self.from("2024-03-18", "queues_json_messages", "no_queues_json_messages")
            }
            Flag::RequestSignalPassthrough => {
                self.by_name("request_signal_passthrough", "no_request_signal_passthrough")
            }
            Flag::Rpc => self.from("2024-04-03", "rpc", "no_rpc"),
            Flag::RpcParamsDupStubs => {
                self.from("2026-01-20", "rpc_params_dup_stubs", "rpc_params_transfer_stubs")
            }
            Flag::UnsafeSharedMemory => self.names("unsafe_shared_memory"),
            Flag::UpperCaseMethods => self.from(
                "2024-10-14",
                "upper_case_all_http_methods",
                "no_upper_case_all_http_methods",
            ),
        }
    }
}

/// A day by its numbers.
fn day(text: &str) -> Vec<u32> {
    text.split('-').map(|number| number.parse().expect("a day is written in digits")).collect()
}

/// The day before one that decides, none of which is the first of a year. Each month has 31 days here.
fn before(text: &str) -> String {
    let numbers = day(text);
    let (month, date) = match numbers[2] {
        1 => (numbers[1] - 1, 31),
        date => (numbers[1], date - 1),
    };
    format!("{:04}-{month:02}-{date:02}", numbers[0])
}

fn dates() -> impl Strategy<Value = Option<String>> {
    let any = (2021..2028_u32, 1..=12_u32, 1..=31_u32);
    prop_oneof![
        1 => Just(None::<String>),
        3 => select(DAYS.to_vec()).prop_map(|day| Some(day.to_owned())),
        3 => select(DAYS.to_vec()).prop_map(|day| Some(before(day))),
        3 => any.prop_map(|(year, month, date)| Some(format!("{year:04}-{month:02}-{date:02}"))),
    ]
}

fn flags() -> impl Strategy<Value = Vec<&'static str>> {
    let unknown = ["global_navigator", "no_nodejs_compat_v2", "RPC", ""];
    let all: Vec<_> = names().chain(unknown).collect();
    // Few at a time, so that days decide, and many, so that opposites meet.
    prop_oneof![
        3 => subsequence(all.clone(), 0..=3).prop_shuffle(),
        1 => subsequence(all.clone(), 0..=all.len()).prop_shuffle(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_flag_holds_where_the_reference_says_so(date in dates(), flags in flags()) {
        let said = Said { date: date.as_deref(), flags: &flags };
        let compatibility = Compatibility::new(said.date, &flags);
        for flag in Flag::ALL {
            prop_assert_eq!(compatibility.has(flag), said.has(flag), "{:?}", flag);
        }
    }
}
