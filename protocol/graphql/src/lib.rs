//! The GraphQL door: schema from the registry, operations to query trees.
