// The module that `#[namespace]` cannot look into.
