// Package transfer brings older data into history, and history out: it reads CSV, JSON
// lines and the indices of a cluster, and writes CSV, JSON and JSON lines.
//
// # What it promises
//
// Import hands snapshots to history in batches. What is there already changes nothing, so
// an import may be repeated, in whole or in part, without harm; and it goes on where it
// was broken off, by the place that history keeps with each batch, which is forgotten at
// the end. The place of an index is a time, and what has exactly that time is read again.
//
// What is no snapshot never stops the others. A row of a file that is wrong is refused,
// with its line; a document of an index that is something else, as the chain of
// dockerhubstats2mqtt and mqtt2elasticsearch has stored the bodies of errors, is skipped,
// with its index and id. That chain stores a message again at each reconnect: documents
// with one repository and one time count once.
//
// The writers give back what was stored: JSON lines byte for byte, so that export and
// import make the same history; CSV the counts and times.
//
// # At its bounds
//
// One line or document has at most 1 MiB; a longer one is refused and passed over. One
// page of an index (500 documents) and one batch are in memory at a time, never the
// whole source. A cluster that does not answer is asked again for some minutes; then the
// import ends, and the next one goes on.
//
// # Spreadsheets
//
// A cell of a CSV file that begins with =, +, - or @ is a formula to a spreadsheet. No
// cell here can: names begin with a letter or a digit (internal/hub holds them to that),
// the others are counts, times and true or false. Text of strangers, such as
// descriptions, is in no cell.
package transfer
