//! `isolane tail`: what becomes of events, while it does. The lines that come are followed here; how a node
//! that was started anew is found again is in `tail/again.rs`, how an item looks in `tail/pretty.rs`.

mod again;
mod pretty;

use std::process::ExitCode;

use anyhow::Context as _;
use api::Dropped;
use bytes::BytesMut;
use clap::{Args, ValueEnum};
use http::Response;
use hyper::body::Incoming;
use tokio::signal::ctrl_c;
use url::form_urlencoded::Serializer;

use self::again::Way;
use self::pretty::Pretty;
use crate::admin::client::piece;
use crate::admin::{self, Anywhere};
use crate::output::{count, printed};
use crate::terminal::{Clock, DIM, WARNING};

const EXAMPLES: &str = "Examples:
  isolane tail                             all events of all workers
  isolane tail shop api                    those of two
  isolane tail shop --status error         those that have failed
  isolane tail shop --search checkout      those that say it, on the console or in an exception
  isolane tail --method POST --format json | jq .event.request.url
  isolane tail busy --sampling-rate 0.01   one of a hundred

It begins with the events that end from now on, and goes on until Ctrl-C. What comes faster than it can
be shown is left out and counted.";

/// Show what becomes of events as they end: requests, crons, messages; consoles and exceptions.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TailArgs {
    /// The workers; without any, all that there are.
    #[arg(value_name = "WORKER")]
    workers: Vec<String>,
    /// How an event is shown: for a person, or as a line of JSON.
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    format: Format,
    /// Only events that have ended so; several with commas.
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<Status>,
    /// Only events with that outcome, such as exceededCpu; several with commas.
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',')]
    outcome: Vec<String>,
    /// Only requests with that method; several with commas.
    #[arg(long, value_name = "METHOD", value_delimiter = ',')]
    method: Vec<String>,
    /// Only events that have that text on their console or in an exception.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Which part of the events, at random: 0.1 is one of ten.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    sampling_rate: Option<f64>,
    #[command(flatten)]
    target: Anywhere,
}

/// How an event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Pretty,
    /// A line of JSON each.
    Json,
}

/// How an event has ended, of three ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    /// As it should.
    Ok,
    /// By an exception or a limit.
    Error,
    /// Its client went away.
    Canceled,
}

pub(crate) fn run(args: &TailArgs) -> anyhow::Result<ExitCode> {
    let show = Show { format: args.format, pretty: Pretty::new(Clock::of_here()) };
    admin::run(false, async {
        tokio::select! {
            biased;
            stopped = ctrl_c() => stopped.context("cannot listen to signals"),
            ended = follow(args, &show) => ended,
        }
    })
}

/// Goes on for as long as there is somebody to show it to.
async fn follow(args: &TailArgs, show: &Show) -> anyhow::Result<()> {
    let way = Way::new(args.target.node_args(), path(args))?;
    let (url, mut answer) = way.first().await?;
    let whom = match args.workers.as_slice() {
        [] => "all workers".to_owned(),
        workers => workers.join(", "),
    };
    anstream::eprintln!("{DIM}the events of {whom} at {url}; Ctrl-C stops{DIM:#}");
    loop {
        show.all(answer).await?;
        anstream::eprintln!("{WARNING}notice{WARNING:#}: the node has gone; waiting for it");
        answer = way.again().await?;
        anstream::eprintln!("{DIM}it is there again{DIM:#}");
    }
}

/// What is asked for.
fn path(args: &TailArgs) -> String {
    let mut query = Serializer::new(String::new());
    for worker in &args.workers {
        query.append_pair("worker", worker);
    }
    let status: Vec<_> = args.status.iter().map(|status| status.name()).collect();
    let lists = [
        ("status", status.join(",")),
        ("outcome", args.outcome.join(",")),
        ("method", args.method.join(",")),
        ("search", args.search.clone().unwrap_or_default()),
        ("sampling", args.sampling_rate.map(|rate| rate.to_string()).unwrap_or_default()),
    ];
    for (name, value) in lists.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    match query.finish() {
        query if query.is_empty() => "/v1/tail".to_owned(),
        query => format!("/v1/tail?{query}"),
    }
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Canceled => "canceled",
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0);
    rate.ok_or_else(|| "expected a number above 0 and up to 1, such as 0.1".to_owned())
}

/// How items are shown.
struct Show {
    format: Format,
    pretty: Pretty,
}

impl Show {
    /// All lines of an answer, until it ends or breaks off.
    async fn all(&self, answer: Response<Incoming>) -> anyhow::Result<()> {
        let mut body = answer.into_body();
        let mut buffer = BytesMut::new();
        // The node may break it off as well as end it.
        while let Ok(Some(piece)) = piece(&mut body).await {
            buffer.extend_from_slice(&piece);
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                self.line(buffer.split_to(end + 1).trim_ascii())?;
            }
        }
        Ok(())
    }

    fn line(&self, line: &[u8]) -> anyhow::Result<()> {
        use std::io::Write as _;
        if line.is_empty() {
            return Ok(());
        }
        if let Ok(Dropped { dropped }) = serde_json::from_slice(line) {
            let left_out = count(dropped, "event");
            anstream::eprintln!(
                "{WARNING}notice{WARNING:#}: {left_out} left out: they came too fast"
            );
            return Ok(());
        }
        let mut stdout = anstream::stdout();
        let written = match self.format {
            Format::Json => stdout.write_all(line).and_then(|()| stdout.write_all(b"\n")),
            Format::Pretty => writeln!(stdout, "{}", self.pretty.item(line)),
        };
        printed(written.and_then(|()| stdout.flush()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        tail: TailArgs,
    }

    fn asked(arguments: &[&str]) -> Result<String, clap::Error> {
        let all = ["tail"].into_iter().chain(arguments.iter().copied());
        Command::try_parse_from(all).map(|command| path(&command.tail))
    }

    #[test]
    fn filters_are_asked_of_the_node() {
        assert_eq!(asked(&[]).unwrap(), "/v1/tail");
        assert_eq!(asked(&["shop", "a b"]).unwrap(), "/v1/tail?worker=shop&worker=a+b");
        let all = [
            "shop",
            "--status",
            "error,canceled",
            "--outcome",
            "exceededCpu",
            "--method",
            "POST",
            "--search",
            "ü",
            "--sampling-rate",
            "0.1",
        ];
        let expected = "/v1/tail?worker=shop&status=error%2Ccanceled&outcome=exceededCpu&method=POST\
                        &search=%C3%BC&sampling=0.1";
        assert_eq!(asked(&all).unwrap(), expected);
        for wrong in [["--status", "failed"], ["--sampling-rate", "0"], ["--sampling-rate", "10"]] {
            assert!(asked(&wrong).is_err(), "{wrong:?}");
        }
    }
}
