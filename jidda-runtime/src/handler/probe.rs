//! Whether a service has a default: asked in generated code, where the type is known but its traits are not.
//!
//! Method look-up takes the first receiver that fits: `&Probe<S>` if `S` implements `Default`, else
//! `&&Probe<S>`, which always does.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// Asks for the default of `S`.
#[derive(Debug)]
pub struct Probe<S>(PhantomData<fn() -> S>);

impl<S> Probe<S> {
    /// The question.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

/// The answer for a type that implements `Default`.
pub trait WithDefault {
    /// A default instance.
    fn default_service(&self) -> Option<Arc<dyn Any + Send + Sync>>;
}

impl<S: Default + Send + Sync + 'static> WithDefault for Probe<S> {
    fn default_service(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::new(S::default()))
    }
}

/// The answer for any other type.
pub trait WithoutDefault {
    /// Nothing.
    fn default_service(&self) -> Option<Arc<dyn Any + Send + Sync>>;
}

impl<S> WithoutDefault for &Probe<S> {
    fn default_service(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Counter;
    struct Database;

    #[test]
    #[allow(clippy::needless_borrow)]
    fn the_default_is_found_where_there_is_one() {
        assert!((&Probe::<Counter>::new()).default_service().unwrap().is::<Counter>());
        assert!((&Probe::<Database>::new()).default_service().is_none());
    }
}
