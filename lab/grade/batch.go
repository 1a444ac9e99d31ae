package grade

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/labkv/labkv/lab/course"
)

// RowStatus says what became of a submission.
type RowStatus string

const (
	Graded   RowStatus = "graded"
	Rejected RowStatus = "rejected" // nothing of it was run
)

// Row is what a batch says about one submission.
type Row struct {
	Name string // unique in its batch
	// File is what files about the submission are called, without an ending: unique in its
	// batch, even where case and accents do not count, and the same whenever submissions of
	// the same names are graded.
	File    string
	Place   int // in the batch, from 1
	Status  RowStatus
	MadeFor string   // the version of the course that it was made for; "" if it does not say
	Note    string   // one line: why it was rejected, what was ignored, what does not build
	Report  *Report  // nil if rejected
	Receipt *Receipt // nil if rejected
}

// Batch grades submissions against one course.
type Batch struct {
	Course    *course.Course
	Selection course.Selection
	Runner    *Runner
	// Hidden, if not empty, is a directory with further test files, at the paths
	// that they have in the course.
	Hidden string
	// OnReference takes of a submission only the directories that the selected stages edit.
	// All else is the tree, with its solution: what is wrong in an earlier stage costs
	// nothing in a later one.
	OnReference bool
	// Shard is the part of the submissions that is graded.
	Shard Shard
	// Kept, if not nil, returns the row that an earlier run has kept in files of that name,
	// or nil. It is taken if its receipt is of the same submission and the same tests.
	Kept func(grades *Grades, file string) *Row
	// Progress, if not nil, is called before each submission.
	Progress func(index, total int, name string)
	// Done, if not nil, is called with each row as soon as it is there. Its error ends the
	// batch.
	Done func(grades *Grades, row *Row) error
}

// Shard is a part of a batch: of Of machines with the same submissions in the same order,
// what number Number grades. The zero Shard is all.
type Shard struct {
	Number, Of int // 1 ≤ Number ≤ Of
}

// has reports whether the shard has the submission, or whatever else is counted, at a place
// from 1.
func (s Shard) has(place int) bool { return s.Of == 0 || (place-1)%s.Of == s.Number-1 }

// Grades are the rows of a batch, in the order of the submissions.
type Grades struct {
	Course   *course.Course
	Stages   []course.StageTests
	Rows     []*Row
	Of       int    // submissions in the whole batch, of which Rows may be a part
	Enforced string // what the sandbox enforces
}

// giveUp is after how many tests of a package that time out its later ones are not run.
const giveUp = 3

// Run grades submissions one after the other, each with all processes. The error is
// about the harness, or ctx's; what is wrong with a submission is in its row. The grades
// beside an error have the rows that are done.
func (b *Batch) Run(ctx context.Context, submissions []string) (*Grades, error) {
	grades := &Grades{Course: b.Course, Stages: b.Selection, Of: len(submissions), Enforced: b.Runner.Sandbox.Enforced()}
	s, err := b.start(ctx)
	if err != nil {
		return grades, err
	}
	defer s.close()
	names := rowNames(submissions)
	files := fileNames(names)
	for i, submission := range submissions {
		if !b.Shard.has(i + 1) {
			continue
		}
		if ctx.Err() != nil {
			return grades, ctx.Err()
		}
		if b.Progress != nil {
			b.Progress(i, len(submissions), names[i])
		}
		row, err := s.grade(ctx, grades, submission, files[i])
		if err != nil {
			return grades, fmt.Errorf("%s: %w", names[i], err)
		}
		row.Name, row.File, row.Place, row.Note = names[i], files[i], i+1, printable(row.Note)
		grades.Rows = append(grades.Rows, row)
		if b.Done != nil {
			if err := b.Done(grades, row); err != nil {
				return grades, err
			}
		}
	}
	return grades, nil
}

// join makes one line of the notes that are not empty.
func join(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(note string) bool { return note == "" }), "; ")
}

// firstOf is the first of several reasons, with the number of the others.
func firstOf(reasons []string) string {
	if more := len(reasons) - 1; more > 0 {
		return fmt.Sprintf("%s (and %d more)", reasons[0], more)
	}
	return reasons[0]
}

// explainBroken puts the messages about files that do not parse in the place of
// what the compiler said about their replacements.
func (r *Report) explainBroken(broken []string) {
	failure := &buildFailure{lines: broken}
	for _, result := range r.Results() {
		if result.Status == NotBuilt {
			result.Reason, result.Sections = broken[0], failure.sections()
		}
	}
}

// buildNote is the first reason why a package does not build, "" if all do.
func (r *Report) buildNote() string {
	for _, result := range r.Results() {
		if result.Status == NotBuilt {
			return "does not build: " + result.Reason
		}
	}
	return ""
}

// rowNames names submissions after their files, without the endings of
// archives, or by their whole paths where that would be ambiguous.
func rowNames(submissions []string) []string {
	short := make([]string, len(submissions))
	uses := map[string]int{}
	for i, submission := range submissions {
		absolute, err := filepath.Abs(submission)
		if err != nil {
			absolute = submission
		}
		name := filepath.Base(absolute)
		for _, ending := range []string{".zip", ".tar", ".tar.gz", ".tgz"} {
			if len(name) > len(ending) && strings.EqualFold(name[len(name)-len(ending):], ending) {
				name = name[:len(name)-len(ending)]
				break
			}
		}
		short[i] = printable(name)
		uses[short[i]]++
	}
	for i := range short {
		if uses[short[i]] > 1 {
			short[i] = printable(filepath.ToSlash(submissions[i]))
		}
	}
	taken := map[string]bool{}
	for _, name := range short {
		taken[name] = true
	}
	seen := map[string]bool{}
	for i, name := range short {
		for n := 2; seen[short[i]]; n++ {
			// Another submission may be called so.
			if numbered := fmt.Sprintf("%s (%d)", name, n); !taken[numbered] {
				short[i] = numbered
			}
		}
		seen[short[i]], taken[short[i]] = true, true
	}
	return short
}

// fileNames returns what files about submissions with these names are called. Letters and
// digits stay; for everything else, and where names differ only in case or in how their
// letters are composed, a part of a digest tells them apart. It is long enough that no name
// can be found that shares another's, and no name is taken as it is that ends as if it had
// one: what is about one submission must not replace what is about another.
func fileNames(names []string) []string {
	files := make([]string, len(names))
	uses := map[string]int{}
	for i, name := range names {
		files[i] = strings.Map(func(r rune) rune {
			if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '.' || r == '_') {
				return r
			}
			return '_'
		}, name)
		uses[strings.ToLower(files[i])]++
	}
	for i, name := range names {
		const longest = 100
		if file := files[i]; file != name || uses[strings.ToLower(file)] > 1 || strings.HasPrefix(file, ".") || len(file) > longest || endsInDigest.MatchString(file) {
			digest := sha256.Sum256([]byte(name))
			files[i] = fmt.Sprintf("%s-%x", strings.TrimLeft(file[:min(len(file), longest)], "."), digest[:digestInName])
		}
	}
	return files
}

// digestInName is how many bytes of a digest are in the name of a file.
const digestInName = 10

var endsInDigest = regexp.MustCompile(fmt.Sprintf("(?i)-[0-9a-f]{%d}$", 2*digestInName))

// Perfect reports whether every submission passed every test.
func (g *Grades) Perfect() bool {
	return !slices.ContainsFunc(g.Rows, func(row *Row) bool { return row.Report == nil || !row.Report.Passed() })
}
