//! What a worker has by its date and flags, case by case.

use isolane_compatibility::{Compatibility, Flag};

type Case = (Option<&'static str>, &'static [&'static str], bool);

#[track_caller]
fn check(flag: Flag, cases: &[Case]) {
    for &(date, flags, expected) in cases {
        let compatibility = Compatibility::new(date, flags);
        assert_eq!(compatibility.has(flag), expected, "{flag:?} {date:?} {flags:?}");
    }
}

#[test]
fn what_is_of_node_is_there_by_date_or_flag() {
    check(
        Flag::NodejsCompat,
        &[
            (None, &[], false),
            (None, &["nodejs_compat"], true),
            (Some("2026-08-03"), &[], false),
            (Some("2026-08-04"), &[], true),
            (Some("2026-09-01"), &["other"], true),
            (Some("2026-09-01"), &["no_nodejs_compat"], false),
            (Some("2026-09-01"), &["no_nodejs_compat", "nodejs_compat"], true),
            (Some("2024-01-01"), &["nodejs_compat_v2"], true),
        ],
    );
    check(
        Flag::NodejsAls,
        &[
            (None, &[], false),
            (Some("2026-09-01"), &[], false),
            (None, &["nodejs_als"], true),
            (None, &["nodejs_als", "no_nodejs_als"], false),
        ],
    );
}

#[test]
fn timers_are_of_node_where_what_is_of_node_is_there() {
    check(
        Flag::NodejsGlobalTimers,
        &[
            (None, &[], false),
            (None, &["nodejs_compat"], true),
            (Some("2026-02-09"), &["nodejs_compat"], false),
            (Some("2026-02-09"), &["nodejs_compat", "enable_nodejs_global_timers"], true),
            (Some("2026-02-09"), &["enable_nodejs_global_timers"], false),
            (Some("2026-02-10"), &["nodejs_compat"], true),
            (Some("2026-09-01"), &["no_nodejs_global_timers"], false),
        ],
    );
}

#[test]
fn what_a_date_decides_a_flag_can_undo() {
    check(
        Flag::UpperCaseMethods,
        &[
            (None, &[], true),
            (Some("2024-10-13"), &[], false),
            (Some("2024-10-14"), &[], true),
            (Some("2023-07-31"), &["upper_case_all_http_methods"], true),
            (Some("2025-01-01"), &["no_upper_case_all_http_methods"], false),
        ],
    );
    check(
        Flag::BotManagementDefault,
        &[
            (None, &[], false),
            (Some("2023-07-31"), &[], true),
            (Some("2023-08-01"), &[], false),
            (Some("2023-07-31"), &["no_cf_botmanagement_default"], false),
            (Some("2025-01-01"), &["cf_botmanagement_default"], true),
            (None, &["no_cf_botmanagement_default", "cf_botmanagement_default"], true),
        ],
    );
}

#[test]
fn code_from_strings_is_allowed_at_the_start_by_date_or_flag() {
    check(
        Flag::AllowEvalDuringStartup,
        &[
            (None, &[], true),
            (Some("2025-06-01"), &[], true),
            (Some("2025-05-31"), &[], false),
            (Some("2024-01-01"), &["allow_eval_during_startup"], true),
            (Some("2026-01-01"), &["disallow_eval_during_startup"], false),
            (None, &["disallow_eval_during_startup"], false),
            (None, &["allow_eval_during_startup", "disallow_eval_during_startup"], false),
        ],
    );
}

#[test]
fn a_worker_without_a_date_and_flags_is_new() {
    let new: Vec<_> = Compatibility::default().iter().collect();
    let expected = [
        Flag::AllowEvalDuringStartup,
        Flag::CtxExports,
        Flag::EnhancedErrorSerialization,
        Flag::QueueExposeErrorCodes,
        Flag::QueuesJsonMessages,
        Flag::Rpc,
        Flag::RpcParamsDupStubs,
        Flag::UpperCaseMethods,
    ];
    assert_eq!(new, expected);
    let old: Vec<_> = Compatibility::new::<&str>(Some("2021-11-02"), &[]).iter().collect();
    assert_eq!(old, [Flag::BotManagementDefault]);
}
