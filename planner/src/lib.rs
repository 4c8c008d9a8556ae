//! How a question becomes a plan: ObjectQL, object views, SQL, access paths.
