//! What is called: the events that every server handles, whatever its wire.

/// At most so many names are called of those that are registered, evenly spread, so that a table is read all over.
const SPREAD: usize = 64;

/// The event, or the events in turn, that calls are for. All handlers return a text like their argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// Does nothing else.
    Echo,
    /// Computes for 20 µs.
    Work,
    /// Joins a room and leaves it.
    Visit,
    /// As many events are registered as this says, and each handler does nothing else.
    Registered(usize),
}

impl Called {
    /// The names, all of one length.
    pub fn names(self) -> Vec<String> {
        match self {
            Self::Echo => vec!["echo".to_owned()],
            Self::Work => vec!["work".to_owned()],
            Self::Visit => vec!["visit".to_owned()],
            Self::Registered(count) => {
                let names = count.min(SPREAD);
                (0..names).map(|index| registered(index * count / names)).collect()
            }
        }
    }
}

/// The name of one of many registered events.
pub fn registered(index: usize) -> String {
    format!("event-{index:05}")
}

/// The name of a room, 16 bytes long.
pub fn room(index: usize) -> String {
    format!("room {index:011}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spread_over_all_that_are_registered() {
        assert_eq!(Called::Registered(10).names().len(), 10);
        let names = Called::Registered(10_000).names();
        assert_eq!((names.len(), &*names[0], &*names[63]), (64, "event-00000", "event-09843"));
        assert!(names.is_sorted());
    }

    #[test]
    fn a_room_is_named_like_a_text() {
        assert_eq!(room(42).len(), super::super::TEXT.len());
    }
}
