//! What the program changed of a socket's permissions.

use std::collections::BTreeSet;

/// What the program changed of a socket's initial permissions. They are not copied: the same ones are many sockets'.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    granted: BTreeSet<Box<str>>,
    revoked: BTreeSet<Box<str>>,
}

impl Permissions {
    pub(crate) fn are_initial(&self) -> bool {
        self.granted.is_empty() && self.revoked.is_empty()
    }

    pub(crate) fn grant(&mut self, permission: &str) {
        self.revoked.remove(permission);
        self.granted.insert(permission.into());
    }

    pub(crate) fn revoke(&mut self, permission: &str, is_initial: bool) -> bool {
        let was_granted = self.granted.remove(permission);
        let was_there = was_granted || (is_initial && !self.revoked.contains(permission));
        if is_initial {
            self.revoked.insert(permission.into());
        }
        was_there
    }

    pub(crate) fn contain(&self, permission: &str, is_initial: impl FnOnce() -> bool) -> bool {
        self.granted.contains(permission) || (!self.revoked.contains(permission) && is_initial())
    }

    pub(crate) fn all<'a>(&self, initial: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let initial = initial.into_iter().filter(|permission| !self.revoked.contains(*permission));
        initial.map(ToOwned::to_owned).chain(self.granted.iter().map(ToString::to_string)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: [&str; 2] = ["reader", "writer"];

    fn all(permissions: &Permissions) -> Vec<String> {
        let all = permissions.all(INITIAL);
        for permission in ["admin", "reader", "writer"] {
            let has = permissions.contain(permission, || INITIAL.contains(&permission));
            assert_eq!(has, all.contains(permission));
        }
        all.into_iter().collect()
    }

    fn revoke(permissions: &mut Permissions, permission: &str) -> bool {
        permissions.revoke(permission, INITIAL.contains(&permission))
    }

    #[test]
    fn what_was_changed_lies_over_what_was_there() {
        let mut permissions = Permissions::default();
        assert_eq!(all(&permissions), INITIAL);
        permissions.grant("admin");
        assert_eq!(all(&permissions), ["admin", "reader", "writer"]);
        assert!(revoke(&mut permissions, "reader"));
        assert!(!revoke(&mut permissions, "reader"), "it was gone");
        assert!(!revoke(&mut permissions, "nothing"));
        assert_eq!(all(&permissions), ["admin", "writer"]);
        permissions.grant("reader");
        assert!(revoke(&mut permissions, "admin"));
        assert_eq!(all(&permissions), INITIAL);
        // Granted and initial at once: it takes one revocation, not two.
        assert!(revoke(&mut permissions, "reader"));
        assert_eq!(all(&permissions), ["writer"]);
        assert!(!permissions.are_initial());
        assert!(Permissions::default().are_initial());
    }
}
