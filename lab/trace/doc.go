// Package trace is the event log of a simulated run: what it looks like in a
// file, and as text.
//
// A log is a file of JSON lines. The first line is a Header, each other one an
// Event, in the order in which things happened. Everything in it is virtual
// time. A reader ignores fields and kinds that it does not know, and refuses a
// log of a later Version.
package trace
