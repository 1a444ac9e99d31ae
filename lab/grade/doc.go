// Package grade runs graded tests, decides their verdicts, and writes reports.
//
// # From tests to a report
//
// [Runner] builds the test binary of each package once. Then every few seeds of a
// test, and every few tests that have no seeds, run in a process of their own with an
// empty working directory, a minimal environment and a budget of time and memory. Of
// tests that share a process each runs again, alone, unless all pass. The
// process that grades decides the verdict: a test passed if its process exited
// with status 0 and the report that package graded wrote says so for every run;
// what is printed does not count. Of several seeds that fail, the lowest is
// reported.
//
// A [Report] holds the verdicts and computes scores from them. The same tree gives
// the same report, however many processes run at once, except for the times in
// it. It can be written as a table, JSON, JUnit XML and Markdown.
//
// # Trees
//
// What is tested is a [Tree]: the sources below a course's root, seen through an
// overlay of package overlay. So the same runner grades the tree itself, the tree
// as students receive it ([Pristine]) with a submission's files on top, the tree
// after some stage ([Staged], [Last]), and the tree with all mutants in it
// ([Runner.BuildWith]). None of them is ever written to disk as a whole.
//
// # Submissions
//
// [Batch] grades what students hand in. What of it is trusted, and when, is in the order of
// its way through: [ReadSubmission] takes from a directory or an archive only the files
// that a student may edit, in memory, and rejects whatever is not plain files of a sensible
// size. Their imports and compiler directives, and what a type check finds that they use, are
// held to the course's list before anything is compiled. The type check and the build run in
// cells, with limits and a build cache of their own. The tests then run in a [Sandbox]. What
// they report counts if it comes over a graded.Channel; and for packages that the course calls
// taped, only if the answers of the submission pass once more in a process without its code.
//
// Each [Row] has a [Receipt], by which a batch that was interrupted goes on, the parts of a
// batch that several machines have graded make one ([ReadGrades]), and a grade can be proved.
package grade
