//! What is read as an expression, what is refused and in which words.

use std::error::Error;

use isolane_cron::{Cron, Fault, Field, ParseError};

#[track_caller]
fn refuse(text: &str, expected: Fault) {
    let error = ParseError { expression: text.to_owned(), fault: expected };
    assert_eq!(Cron::parse(text), Err(error));
}

#[track_caller]
fn refuse_value(text: &str, field: Field, value: &str) {
    refuse(text, Fault::Value { field, text: value.to_owned() });
}

#[test]
fn expressions_are_kept_as_they_are_written() {
    for text in [
        "* * * * *",
        "*/30 * * * *",
        "45 * * * *",
        "0 17 * * sun",
        "10 7 * * mon-fri",
        "0 15 1 * *",
        "0 18 * * 6L",
        "0 18 * * FRIL",
        "59 23 LW * *",
        "0 0 L-3 * *",
        "0 0 L-30W * *",
        "0 0 15W 6 *",
        "0 9 * JAN-mar,Oct MON#1",
        "0 0 1 1-MAR TUE-6",
        "0 0 * * L",
        "0\t \t0  1 1\t1",
        "00 007 01 012 0000000000000000000001",
        "1,2,3,58-3/2,*/59,40/19 22-2/23 31-1/30 NOV-2/11 SAT-SUN/6",
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
    ] {
        let cron = Cron::parse(text).unwrap();
        assert_eq!(cron.as_str(), text);
        assert_eq!(cron.to_string(), text);
        assert_eq!(text.parse(), Ok(cron));
    }
}

#[test]
fn expressions_are_equal_if_their_texts_are() {
    let cron = Cron::parse("0 0 * * MON").unwrap();
    assert_eq!(cron, cron.clone());
    for same_meaning in ["0 0 * * 2", "0 0 * * mon", "0  0 * * MON", "00 0 * * MON"] {
        assert_ne!(cron, Cron::parse(same_meaning).unwrap());
    }
}

#[test]
fn there_are_five_fields_and_nothing_else() {
    refuse("", Fault::FieldCount(0));
    refuse("*", Fault::FieldCount(1));
    refuse("* * * *", Fault::FieldCount(4));
    refuse("0 * * * * *", Fault::FieldCount(6));
    refuse("* * * * * 2024 x", Fault::FieldCount(7));
    refuse(" * * * * *", Fault::OuterBlank);
    refuse("* * * * *\t", Fault::OuterBlank);
    refuse(" ", Fault::OuterBlank);
    refuse("@daily", Fault::Nickname);
    refuse_value("* * * * 1\n", Field::DayOfWeek, "1\n");
    refuse_value("1\u{a0}* * * * *", Field::Minute, "1\u{a0}*");
    refuse("*\n* * * * *", Fault::Star(Field::Minute));
}

#[test]
fn values_are_within_their_field() {
    refuse_value("60 * * * *", Field::Minute, "60");
    refuse_value("0-60 * * * *", Field::Minute, "60");
    refuse_value("-1 * * * *", Field::Minute, "");
    refuse_value("+1 * * * *", Field::Minute, "+1");
    refuse_value("1.5 * * * *", Field::Minute, "1.5");
    refuse_value("99999999999999999999 * * * *", Field::Minute, "99999999999999999999");
    refuse_value("١ * * * *", Field::Minute, "١");
    refuse_value("0 24 * * *", Field::Hour, "24");
    refuse_value("0 0 0 * *", Field::DayOfMonth, "0");
    refuse_value("0 0 32 * *", Field::DayOfMonth, "32");
    refuse_value("0 0 MON * *", Field::DayOfMonth, "MON");
    refuse_value("0 0 1 0 *", Field::Month, "0");
    refuse_value("0 0 1 13 *", Field::Month, "13");
    refuse_value("0 0 1 JANUARY *", Field::Month, "JANUARY");
    refuse_value("0 0 1 MON *", Field::Month, "MON");
    refuse_value("0 0 * * 0", Field::DayOfWeek, "0");
    refuse_value("0 0 * * 8", Field::DayOfWeek, "8");
    refuse_value("0 0 * * 0-6", Field::DayOfWeek, "0");
    refuse_value("0 0 * * MONDAY", Field::DayOfWeek, "MONDAY");
}

#[test]
fn lists_have_elements_and_ranges_two_ends() {
    refuse_value("1,,2 * * * *", Field::Minute, "");
    refuse_value("1, * * * *", Field::Minute, "");
    refuse_value(", * * * *", Field::Minute, "");
    refuse_value("1- * * * *", Field::Minute, "");
    refuse_value("1-2-3 * * * *", Field::Minute, "2-3");
    refuse_value("1-* * * * *", Field::Minute, "*");
    refuse_value("/5 * * * *", Field::Minute, "");
    refuse_value("1,/5 * * * *", Field::Minute, "");
    refuse_value("1,** * * * *", Field::Minute, "**");
}

#[test]
fn a_star_begins_no_list_and_no_range() {
    for minutes in ["*,5", "*-30", "*-30/5", "**", "*5", "*,*/5", "*5/5"] {
        refuse(&format!("{minutes} * * * *"), Fault::Star(Field::Minute));
    }
    refuse("0 0 *,1 * *", Fault::Star(Field::DayOfMonth));
    refuse("0 0 * * *-3", Fault::Star(Field::DayOfWeek));
}

#[test]
fn steps_are_from_1_to_the_difference_of_the_ends() {
    let refuse_step = |text: &str, field, step: &str| {
        refuse(text, Fault::Step { field, text: step.to_owned() });
    };
    refuse_step("*/0 * * * *", Field::Minute, "0");
    refuse_step("*/60 * * * *", Field::Minute, "60");
    refuse_step("1-2/ * * * *", Field::Minute, "");
    refuse_step("1/5-9 * * * *", Field::Minute, "5-9");
    refuse_step("*/5/5 * * * *", Field::Minute, "5/5");
    refuse_step("*/-1 * * * *", Field::Minute, "-1");
    refuse_step("0 */24 * * *", Field::Hour, "24");
    refuse_step("0 0 */31 * *", Field::DayOfMonth, "31");
    refuse_step("0 0 1 */12 *", Field::Month, "12");
    refuse_step("0 0 1 1/FEB *", Field::Month, "FEB");
    refuse_step("0 0 * * */7", Field::DayOfWeek, "7");
    for greatest in ["*/59 * * * *", "0 */23 * * *", "0 0 */30 */11 *", "0 0 * * */6"] {
        assert!(Cron::parse(greatest).is_ok(), "{greatest}");
    }
}

#[test]
fn what_has_letters_for_days_stands_alone_and_in_its_field() {
    for days in ["3,L", "L,3", "1W,15", "1,15W", "LW,1", "1-5,L-3"] {
        refuse(&format!("0 0 {days} * *"), Fault::Alone(Field::DayOfMonth));
    }
    for days in ["MON#1,FRI", "MON,FRI#1", "L,1", "1L,2L"] {
        refuse(&format!("0 0 * * {days}"), Fault::Alone(Field::DayOfWeek));
    }
    for (days, value) in [
        ("W", ""),
        ("LL", "LL"),
        ("LLW", "LL"),
        ("L3", "L3"),
        ("3L", "3L"),
        ("1-5L", "1-5L"),
        ("L/2", "L/2"),
        ("1-5W", "1-5"),
        ("15W/2", "15W/2"),
        ("32W", "32"),
        ("0W", "0"),
        ("*W", "*"),
        ("LWW", "LW"),
        ("l", "l"),
        ("15w", "15w"),
    ] {
        refuse_value(&format!("0 0 {days} * *"), Field::DayOfMonth, value);
    }
    refuse("0 0 L-3w * *", Fault::Offset("3w".to_owned()));
    for (days, value) in [
        ("MON-FRIL", "MON-FRI"),
        ("0L", "0"),
        ("L-1", "L-1"),
        ("LL", "L"),
        ("*L", "*"),
        ("fril", "fril"),
        ("LW", "LW"),
        ("6W", "6W"),
        ("#1", ""),
        ("*#1", "*"),
        ("8#1", "8"),
        ("L#1", "L"),
    ] {
        refuse_value(&format!("0 0 * * {days}"), Field::DayOfWeek, value);
    }
    refuse_value("L * * * *", Field::Minute, "L");
    refuse_value("0 0 1 L *", Field::Month, "L");
    refuse_value("0 0 1 1#1 *", Field::Month, "1#1");
}

#[test]
fn the_numbers_of_these_forms_have_limits() {
    for offset in ["", "0", "31", "-3", "3-4", "W"] {
        let expected = Fault::Offset(offset.trim_end_matches('W').to_owned());
        refuse(&format!("0 0 L-{offset} * *"), expected);
    }
    for nth in ["", "0", "6", "L", "1-2", "#1"] {
        refuse(&format!("0 0 * * 2#{nth}"), Fault::Nth(nth.to_owned()));
    }
}

#[test]
fn question_marks_are_not_known() {
    refuse("0 0 ? * *", Fault::QuestionMark(Field::DayOfMonth));
    refuse("0 0 1 * ?", Fault::QuestionMark(Field::DayOfWeek));
    refuse("? * * * *", Fault::QuestionMark(Field::Minute));
}

#[test]
fn the_message_is_that_of_workers_and_its_source_says_what_is_wrong() {
    let check = |text: &str, fault: &str| {
        let error = Cron::parse(text).unwrap_err();
        assert_eq!(error.to_string(), format!("invalid cron string: {text}"));
        assert_eq!(error.source().unwrap().to_string(), fault);
    };
    check(
        "0 0 * * 0",
        "\"0\" is no day of week; write 1 (Sunday) to 7 (Saturday) or SUN to SAT, or one of `L`, \
         `6L` and `6#2`",
    );
    check("0 25 * * *", "\"25\" is no hour; write 0 to 23");
    check("*/90 * * * *", "\"90\" is no step for the minute; write 1 to 59");
    check(
        "0 0 * * * *",
        "it has 6 fields; write five: minute, hour, day of month, month, day of week",
    );
    check("0 0 ? * 2", "`?` is not known; write `*` as the day of month");
}
