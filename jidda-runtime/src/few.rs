//! A list for where there is hardly ever more than one: two words, and no allocation for one.

use std::ops::Deref;

/// Values in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Few<T> {
    #[default]
    None,
    One(T),
    /// Boxed, so that the others are two words and not four.
    #[allow(clippy::box_collection)]
    Many(Box<Vec<T>>),
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::None => &[],
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(all) => all,
        }
    }
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, value: T) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(value),
            Self::One(first) => Self::Many(Box::new(vec![first, value])),
            Self::Many(mut all) => {
                all.push(value);
                Self::Many(all)
            }
        };
    }

    /// Takes the first one away that `is_it`.
    pub(crate) fn take(&mut self, is_it: impl FnMut(&T) -> bool) -> Option<T> {
        let place = self.iter().position(is_it)?;
        match std::mem::take(self) {
            Self::None => None,
            Self::One(only) => Some(only),
            Self::Many(mut all) => {
                let taken = all.remove(place);
                if !all.is_empty() {
                    *self = Self::Many(all);
                }
                Some(taken)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_stays() {
        let mut few = Few::default();
        assert!(few[..].is_empty());
        few.push(4);
        assert_eq!(few, Few::One(4));
        for value in [1, 9] {
            few.push(value);
        }
        assert_eq!(few.take(|value| *value == 7), None);
        assert_eq!(few[..], [4, 1, 9]);
        assert_eq!(few.take(|value| *value == 1), Some(1));
        assert_eq!(few[..], [4, 9]);
        assert_eq!(few.take(|value| *value == 4), Some(4));
        assert_eq!(few.take(|value| *value == 9), Some(9));
        assert_eq!(few, Few::None);
        few.push(5);
        assert_eq!(few.take(|_| true), Some(5));
    }
}
