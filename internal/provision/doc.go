// Package provision prepares an OpenSearch for Pulltrail, with the credentials of an
// administrator that somebody lends it once: the role with what the routes need and no
// more, the user of the configuration, the mapping of the two, index templates with the
// settings and mappings of the routes, and, where wanted, a user who only reads.
//
// What it promises: NewPlan reads and changes nothing; whatever stands against the plan is
// found there, all of it at once. Apply changes what differs, so that a second plan has
// nothing to do. What was made by others is left alone: ours carry a mark in their
// description, or in the _meta of a template. Of a role mapping nobody is ever taken
// away. Passwords are sent and never printed; whether one has changed is found out by
// logging in with it.
//
// At its bounds: a cluster may have any number of templates, of which names, patterns and
// priorities alone are read, up to the bound of an answer. Apply stops at the first change
// that is refused; a repetition goes on from there.
package provision
