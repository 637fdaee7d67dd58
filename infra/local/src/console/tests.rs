use http::Method;

use super::*;

/// A terminal that can be read.
#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<Vec<u8>>>);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one console shows and writes.
struct Watched {
    console: Console,
    terminal: Terminal,
    file: std::path::PathBuf,
}

impl Watched {
    fn new(style: Style) -> Self {
        let (terminal, file) =
            (Terminal::default(), std::env::temp_dir().join(format!("reconnect-{}", crate::ids::uuid())));
        let console = Console::new(terminal.clone(), style, &file).unwrap();
        Self { console, terminal, file }
    }

    fn open(style: Style) -> Self {
        let watched = Self::new(style);
        watched.console.open();
        watched
    }

    fn happens(&self, activity: &Activity) -> &Self {
        self.console.watcher().tell(activity);
        self
    }

    fn prints(&self, function: &str, text: &str) -> &Self {
        self.happens(&Activity::Line(line(function, text)))
    }

    fn shown(&self) -> String {
        String::from_utf8(self.terminal.0.lock().unwrap().clone()).unwrap()
    }

    fn written(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.file).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn line(function: &str, text: &str) -> LogLine {
    LogLine { function: function.to_owned(), pid: 7, stream: Stream::Stdout, text: text.to_owned() }
}

fn request(status: u16) -> Activity {
    Activity::Request(Request {
        method: Method::GET,
        path: "/ad-accounts".to_owned(),
        who: Some("ana".to_owned()),
        status: StatusCode::from_u16(status).unwrap(),
        took: Duration::from_micros(12_900),
    })
}

fn checked(outcome: &str) -> String {
    json!({ "GrantsChecked": 1, "Outcome": outcome, "_aws": {} }).to_string()
}

#[test]
fn a_request_is_a_line() {
    let shown = Watched::open(Style::default()).happens(&request(200)).shown();
    assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), ["GET", "/ad-accounts", "ana", "200", "12", "ms"]);
    assert_eq!(shown.lines().count(), 1);
}

#[test]
fn a_request_without_a_good_token_is_nobodys() {
    let Activity::Request(request) = request(401) else { unreachable!("it is a request") };
    let shown = Watched::open(Style::default()).happens(&Activity::Request(Request { who: None, ..request })).shown();
    assert!(shown.contains(" - "), "{shown}");
}

#[test]
fn colours_are_there_when_they_are_wanted() {
    assert!(!Watched::open(Style::default()).happens(&request(500)).shown().contains('\x1b'));
    for (status, code) in [(200, GREEN), (303, GREEN), (404, YELLOW), (500, RED)] {
        let shown = Watched::open(Style { colours: true, logs: false }).happens(&request(status)).shown();
        assert!(shown.contains(&format!("\x1b[{code}m{status}\x1b[0m")), "{shown}");
    }
}

#[test]
fn nothing_stands_between_the_steps_of_the_start() {
    let watched = Watched::new(Style::default());
    watched.happens(&request(200)).prints("check-grant", &checked("struck")).console.report_sweep(true);
    assert_eq!(watched.shown(), "");

    watched.console.open();
    watched.console.report_sweep(true);
    assert_eq!(watched.shown(), "sweep   1 grant checked: 1 struck\n");
}

#[test]
fn what_functions_print_is_in_the_file_and_not_on_the_terminal() {
    let watched = Watched::open(Style::default());
    watched.prints("import-accounts", r#"{"level":"INFO","message":"b a","a":1}"#).prints("echo", "no JSON");
    assert_eq!(watched.shown(), "");
    assert_eq!(
        watched.written(),
        [
            json!({ "function": "import-accounts", "pid": 7, "line": { "level": "INFO", "message": "b a", "a": 1 } }),
            json!({ "function": "echo", "pid": 7, "line": "no JSON" }),
        ]
    );
}

#[test]
fn all_of_it_is_shown_when_it_is_wanted() {
    let watched = Watched::open(Style { colours: false, logs: true });
    watched.prints("import-accounts", r#"{"level":"INFO"}"#);
    assert_eq!(watched.shown(), "import-accounts      │ {\"level\":\"INFO\"}\n");
    assert_eq!(watched.written().len(), 1);
}

#[test]
fn trouble_is_shown_in_words() {
    for (told, shown) in [
        (
            line("check-grant", r#"{"level":"ERROR","message":"It failed","reason":"no way"}"#),
            "check-grant It failed: no way\n",
        ),
        (line("check-grant", r#"{"level":"WARN","message":"It pauses"}"#), "check-grant It pauses\n"),
        (LogLine { stream: Stream::Stderr, ..line("echo", "killed\u{1b}[2J") }, "echo killed[2J\n"),
        (LogLine { pid: 0, ..line("gateway", "GET /x: no answer") }, "gateway GET /x: no answer\n"),
    ] {
        let watched = Watched::new(Style::default());
        assert_eq!(watched.happens(&Activity::Line(told)).shown(), shown);
    }
}

#[test]
fn a_sweep_that_changed_nothing_is_no_line() {
    let watched = Watched::open(Style::default());
    watched.prints("check-grant", &checked("connected")).prints("check-grant", &checked("needs_connecting"));
    watched.console.report_sweep(true);
    assert_eq!(watched.shown(), "");
}

#[test]
fn a_sweep_is_a_line_once_its_checks_are_done() {
    let watched = Watched::open(Style::default());
    watched.prints("check-grant", &checked("connected")).prints("check-grant", &checked("lapsed"));
    watched.prints("check-grant", r#"{"How":"recovered","TimeToHeal":[5,6],"_aws":{}}"#);
    watched.prints("check-grant", r#"{"TokensRevoked":1,"_aws":{}}"#);
    // A person's validation heals, too, and is no part of a sweep.
    watched.prints("validate-permissions", r#"{"How":"validated","TimeToHeal":5,"_aws":{}}"#);
    watched.console.report_sweep(false);
    assert_eq!(watched.shown(), "", "checks are under way");

    watched.console.report_sweep(true);
    watched.console.report_sweep(true);
    assert_eq!(watched.shown(), "sweep   2 grants checked: 1 lapsed, 2 ad accounts recovered, 1 token revoked\n");
}
