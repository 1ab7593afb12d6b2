//! Every state with every input, and any inputs in any order.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn backoff() -> Backoff {
    Backoff::default().jitter(0.0)
}

fn policy(role: Role, backoff: Option<Backoff>, is_patient: bool) -> Policy {
    Policy { role, backoff, is_patient }
}

fn refused() -> DisconnectReason {
    DisconnectReason::Other("refused".into())
}

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(10);

/// The columns of the table below.
fn inputs() -> [Input; 11] {
    [
        Input::Opened,
        Input::Introduced,
        Input::Failed(Setback::Passing),
        Input::Failed(Setback::Postponed(refused())),
        Input::Failed(Setback::Refused(refused())),
        Input::Lost(DisconnectReason::TransportClose, SHORT),
        Input::Lost(DisconnectReason::TransportClose, LONG),
        Input::Ended(DisconnectReason::ServerDisconnect),
        Input::Elapsed,
        Input::Close(DisconnectReason::ClientDisconnect),
        Input::Torn(DisconnectReason::ForcedClose),
    ]
}

fn name(state: &State) -> String {
    match state {
        State::Opening => "opening".into(),
        State::Introducing => "introducing".into(),
        State::Connected => "up".into(),
        State::Failing(setback) => match setback {
            Setback::System | Setback::Passing => "failing".into(),
            Setback::Postponed(_) => "failing (later)".into(),
            Setback::Refused(_) => "failing (no)".into(),
        },
        State::Waiting(wait) => format!("wait {}", wait.as_millis()),
        State::Closing(reason) => format!("closing: {reason}"),
        State::Over(reason) => format!("over: {reason}"),
    }
}

fn letter(event: &ClientEvent) -> char {
    match event {
        ClientEvent::Connected => 'C',
        ClientEvent::Reconnected => 'R',
        ClientEvent::Disconnected(_) => 'D',
        ClientEvent::Reconnecting { .. } => 'w',
        ClientEvent::GaveUp => 'G',
        ClientEvent::CredentialsExpiring => 'x',
    }
}

/// What an input makes of a state: nothing, or the next state and what the program is shown.
fn outcome(life: Life, input: Input) -> String {
    let mut life = life;
    let before = life.state.clone();
    let events: String = life.go_on(input, 0.0).iter().map(letter).collect();
    if life.state == before && events.is_empty() {
        return "-".into();
    }
    if events.is_empty() { name(&life.state) } else { format!("{} {events}", name(&life.state)) }
}

/// A client that was connected once, and has made two attempts since.
fn again(state: State, shown: Shown) -> Life {
    Life { policy: policy(Role::Dials, Some(backoff()), false), state, shown, attempt: 2 }
}

#[test]
fn each_input_in_each_state() {
    use Shown::{Connected, Disconnected};
    let ours = "client namespace disconnect";
    let theirs = "server namespace disconnect";
    let closing = DisconnectReason::ClientDisconnect;
    let over = format!("over: {ours}");
    let torn = "over: forced close G";
    let ended = format!("over: {theirs}");
    let close = format!("closing: {ours}");
    #[rustfmt::skip]
    let table: [(State, Shown, [&str; 11]); 8] = [
        // state, what was shown; opened, introduced; failed, for now, for good; lost soon, late; ended; elapsed; close; torn
        (State::Opening, Disconnected,
            ["introducing", "-", "wait 800 w", "wait 800 w", "over: refused G", "-", "-", "-", "-", &over, torn]),
        (State::Introducing, Disconnected,
            ["-", "up R", "failing", "failing (later)", "failing (no)", "-", "-", "-", "-", &close, torn]),
        (State::Connected, Connected,
            ["-", "-", "-", "-", "-", "wait 800 Dw", "wait 200 Dw", &format!("{ended} D"), "-", &close, "over: forced close DG"]),
        (State::Failing(Setback::Passing), Disconnected,
            ["-", "-", "-", "-", "-", "wait 800 w", "wait 800 w", &format!("{ended} G"), "-", &close, torn]),
        (State::Waiting(SHORT), Disconnected,
            ["-", "-", "-", "-", "-", "-", "-", "-", "opening", &over, torn]),
        (State::Closing(closing.clone()), Connected,
            ["-", "-", "-", "-", "-", &format!("{over} D"), &format!("{over} D"), &format!("{over} D"), "-", "-", "over: forced close D"]),
        (State::Closing(closing.clone()), Disconnected,
            ["-", "-", "-", "-", "-", &over, &over, &over, "-", "-", "over: forced close"]),
        (State::Over(closing), Disconnected, ["-"; 11]),
    ];
    for (state, shown, outcomes) in table {
        for (input, expected) in inputs().into_iter().zip(outcomes) {
            let actual = outcome(again(state.clone(), shown), input.clone());
            assert_eq!(actual, expected, "{state:?}, {shown:?} and then {input:?}");
        }
    }
}

#[test]
fn the_first_connection_fails_at_once_or_is_waited_for() {
    let refusals = [Setback::Passing, Setback::Postponed(refused()), Setback::Refused(refused())];
    for (role, is_patient, outcomes) in [
        (Role::Dials, false, ["over: transport error", "over: refused", "over: refused"]),
        (Role::Dials, true, ["wait 200 w", "over: refused", "over: refused"]),
        (Role::Listens, false, ["wait 0 w", "wait 0 w", "wait 0 w"]),
    ] {
        for (setback, expected) in refusals.iter().zip(outcomes) {
            let life = Life::new(policy(role, Some(backoff()), is_patient));
            assert_eq!(outcome(life, Input::Failed(setback.clone())), expected, "{role:?} {is_patient}");
        }
    }
}

#[test]
fn a_listening_client_pauses_only_after_errors_of_the_system() {
    let listens = |backoff, shown| Life {
        policy: policy(Role::Listens, backoff, false),
        state: State::Opening,
        shown,
        attempt: 0,
    };
    let failed = |setback| Input::Failed(setback);
    for (backoff, shown, setback, expected) in [
        (None, Shown::Nothing, Setback::Passing, "wait 0 w"),
        (None, Shown::Disconnected, Setback::System, "wait 50 w"),
        (None, Shown::Disconnected, Setback::Passing, "over: transport error G"),
        (Some(backoff().attempts(1)), Shown::Disconnected, Setback::Refused(refused()), "wait 0 w"),
    ] {
        assert_eq!(outcome(listens(backoff, shown), failed(setback)), expected);
    }
}

#[test]
fn without_a_backoff_a_lost_connection_stays_lost() {
    let policy = policy(Role::Dials, None, false);
    let life = Life { policy, state: State::Connected, shown: Shown::Connected, attempt: 0 };
    assert_eq!(outcome(life, Input::Lost(DisconnectReason::PingTimeout, LONG)), "over: ping timeout DG");
}

/// A server that lets its clients in and drops them.
#[test]
fn waits_grow_until_a_connection_lasts() {
    let mut life = Life::new(policy(Role::Dials, Some(backoff().attempts(6)), false));
    let mut waits = Vec::new();
    for lasted in [SHORT, SHORT, SHORT, LONG, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT] {
        life.go_on(Input::Opened, 0.0);
        life.go_on(Input::Introduced, 0.0);
        life.go_on(Input::Lost(DisconnectReason::TransportClose, lasted), 0.0);
        if let State::Waiting(wait) = life.state() {
            waits.push(wait.as_millis());
        }
        life.go_on(Input::Elapsed, 0.0);
    }
    assert_eq!(waits, [200, 400, 800, 200, 400, 800, 1600, 3200, 6400]);
    assert_eq!(life.state(), &State::Over(DisconnectReason::TransportClose));
}

fn any_input() -> impl Strategy<Value = Input> {
    let system = Input::Failed(Setback::System);
    prop::sample::select(inputs().into_iter().chain([system]).collect::<Vec<_>>())
}

/// One that nothing is wrong with, more often than not: such a life goes on for longer.
fn any_useful_input() -> impl Strategy<Value = Input> {
    let useful = [
        Input::Opened,
        Input::Introduced,
        Input::Elapsed,
        Input::Lost(DisconnectReason::PingTimeout, SHORT),
        Input::Failed(Setback::Passing),
    ];
    prop_oneof![8 => prop::sample::select(useful.to_vec()), 1 => any_input()]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let backoff = prop_oneof![
        Just(None),
        Just(Some(backoff())),
        (0..4_u32).prop_map(|attempts| Some(backoff().attempts(attempts)))
    ];
    (any::<bool>(), backoff, any::<bool>()).prop_map(|(listens, backoff, is_patient)| {
        policy(if listens { Role::Listens } else { Role::Dials }, backoff, is_patient)
    })
}

proptest! {
    #[test]
    fn events_alternate_and_nothing_follows_the_end(
        policy in any_policy(),
        inputs in vec(any_useful_input(), 0..60),
        chance in 0.0..1.0,
    ) {
        let mut life = Life::new(policy);
        let mut shown = String::new();
        let mut ends = 0;
        for input in inputs.into_iter().chain([Input::Torn(DisconnectReason::ForcedClose)]) {
            let before = life.state.clone();
            let was_over = life.is_over();
            let events = life.go_on(input, chance);
            shown.extend(events.iter().map(letter));
            if was_over {
                prop_assert_eq!(&before, life.state());
                prop_assert!(events.is_empty());
            } else if life.is_over() {
                ends += 1;
            }
            for event in &events {
                if let ClientEvent::Reconnecting { wait, .. } = event {
                    prop_assert_eq!(life.state(), &State::Waiting(*wait));
                }
            }
        }
        prop_assert_eq!(ends, 1);
        let pairs: String = shown.chars().filter(|event| "CRD".contains(*event)).collect();
        prop_assert_eq!(pairs.len() % 2, 0, "{}", pairs);
        for (place, pair) in pairs.as_bytes().chunks(2).enumerate() {
            prop_assert_eq!(pair, if place == 0 { b"CD" } else { b"RD" });
        }
        prop_assert!(!shown.contains('G') || shown.find('G') == Some(shown.len() - 1), "{}", shown);
    }

    #[test]
    fn asking_for_the_end_leads_there_and_nothing_joins_on_the_way(
        policy in any_policy(),
        before in vec(any_useful_input(), 0..30),
        after in vec(any_input(), 0..10),
        stream_ends in any::<bool>(),
    ) {
        let mut life = Life::new(policy);
        for input in before {
            life.go_on(input, 0.5);
        }
        let close = Input::Close(DisconnectReason::ClientDisconnect);
        if !life.is_over() {
            life.go_on(close, 0.5);
            let asked = matches!(life.state(), State::Closing(_) | State::Over(DisconnectReason::ClientDisconnect));
            prop_assert!(asked, "{:?}", life.state());
        }
        for input in after {
            let events = life.go_on(input, 0.5);
            prop_assert!(matches!(life.state(), State::Closing(_) | State::Over(_)), "{:?}", life.state());
            let is_end = |event: &ClientEvent| matches!(event, ClientEvent::Disconnected(_));
            prop_assert!(events.iter().all(is_end), "{:?}", events);
        }
        // A stream that is closed ends, whoever is faster.
        let reason = DisconnectReason::TransportClose;
        life.go_on(if stream_ends { Input::Ended(reason) } else { Input::Lost(reason, SHORT) }, 0.5);
        prop_assert!(life.is_over());
    }
}
