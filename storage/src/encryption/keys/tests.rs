//! Key files as an earlier program wrote them.
#![allow(clippy::unwrap_used)]

use super::*;

/// Makes a key file one of an earlier program, which was not bound.
pub(in crate::encryption) fn unbind(folder: &Path, world: &World) {
    let (files, provider) = (&*world.files, world.keys.as_ref().unwrap());
    let bound = read(files, folder).unwrap().unwrap();
    let mut unbound = KeyFile { store: bound.store, keys: Vec::new(), bound_to: None };
    for (number, wrapped) in &bound.keys {
        let key = provider.unwrap_key(wrapped, &bound.context(*number)).unwrap();
        unbound.keys.push((*number, provider.wrap_key(&key, &unbound.context(*number)).unwrap()));
    }
    unbound.write(files, folder).unwrap();
}
