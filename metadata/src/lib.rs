//! What a package may say: objects, fields, versions, the registry.
