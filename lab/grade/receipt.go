package grade

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
)

// ReceiptSchema names the version of the JSON form of a Receipt, as ReportSchema does for
// a Report.
const ReceiptSchema = "labkv.receipt/v1"

// A Receipt states what was graded, with which tests, and what came out. Nothing in it
// depends on the machine, the time or what ran beside it: the same submission, graded with
// the same course, has the same receipt. So whoever has the submission and the course can
// prove the grade, or refute it, by grading again.
type Receipt struct {
	Schema  string `json:"schema"` // ReceiptSchema
	Course  string `json:"course"`
	Version string `json:"version"` // of the course
	// Tests is the SHA-256 of all that decides grades besides the submission: the sources
	// that go into the test programs, and the weights, seeds and budgets.
	Tests string `json:"tests_sha256"`
	// Submission is the SHA-256 of the files that were graded, with their names.
	Submission string `json:"submission_sha256"`
	// OnReference is whether only the stages' own directories were the submission's, and all others the solution's.
	OnReference bool           `json:"on_reference,omitempty"`
	Score       string         `json:"score"` // rounded down to hundredths, as score boards have it
	Points      string         `json:"points"`
	Stages      []ReceiptStage `json:"stages"`
}

// ReceiptStage is a stage of a Receipt.
type ReceiptStage struct {
	ID     string        `json:"id"`
	Score  string        `json:"score"`
	Points string        `json:"points"`
	Tests  []ReceiptTest `json:"tests"`
}

// ReceiptTest is a test of a Receipt.
type ReceiptTest struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Seed   uint64 `json:"seed,omitempty"` // the lowest that failed
	// Digest stands for all that happened in the test's runs: the first 16 hexadecimal
	// digits of the SHA-256 of their seeds and digests. It is empty for a test that timed
	// out, which may get further on another machine, or that did not run.
	Digest string `json:"digest,omitempty"`
}

// ReadReceipt reads a receipt. The error says what is wrong with it.
func ReadReceipt(data []byte) (*Receipt, error) {
	var head struct{ Schema string }
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, errors.Annotate(err, "is not JSON")
	}
	if head.Schema != ReceiptSchema {
		return nil, errors.Errorf("is no receipt: its schema is %q, not %q", head.Schema, ReceiptSchema)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	r := &Receipt{}
	if err := d.Decode(r); err != nil {
		return nil, errors.Annotate(err, "is no receipt of this version")
	}
	return r, nil
}

// WriteJSON writes the receipt as one JSON object.
func (r *Receipt) WriteJSON(w io.Writer) error { return encodeJSON(w, r) }

// Selectors returns what Course.Select takes for the tests of the receipt.
func (r *Receipt) Selectors() []string {
	var all []string
	for _, s := range r.Stages {
		for _, t := range s.Tests {
			all = append(all, s.ID+"/"+t.Name)
		}
	}
	return all
}

// ofSame reports whether two receipts are of the same submission and the same tests.
func (r *Receipt) ofSame(other *Receipt) bool {
	return r.Tests == other.Tests && r.Submission == other.Submission && r.OnReference == other.OnReference
}

// Differences returns in which ways grading again, with the receipt again, does not come
// out as r says, in one line each. If the submission or the tests are others, nothing else
// is compared.
func (r *Receipt) Differences(again *Receipt) []string {
	var found []string
	if r.Submission != again.Submission {
		found = append(found, "the submission is not the one that was graded: its files differ")
	}
	if r.Tests != again.Tests {
		found = append(found, fmt.Sprintf("the tests are not those that were graded with, of %s %s: check out that version of the course, and give the same hidden tests", r.Course, r.Version))
	}
	if len(found) > 0 {
		return found
	}
	tests := map[string]ReceiptTest{}
	for _, s := range again.Stages {
		for _, t := range s.Tests {
			tests[t.Name] = t
		}
	}
	for _, s := range r.Stages {
		for _, t := range s.Tests {
			switch now := tests[t.Name]; {
			case t.Status != now.Status || t.Seed != now.Seed:
				found = append(found, fmt.Sprintf("%s: the receipt says %s, now it is %s", t.Name, t.outcome(), now.outcome()))
			case t.Digest != now.Digest:
				found = append(found, fmt.Sprintf("%s: %s, but its runs have the digest %s, and not %s", t.Name, t.Status, now.Digest, t.Digest))
			}
		}
	}
	if r.Score != again.Score || r.Points != again.Points {
		found = append(found, fmt.Sprintf("the receipt says %s/%s points, now they are %s/%s", r.Score, r.Points, again.Score, again.Points))
	}
	return found
}

func (t ReceiptTest) outcome() string {
	if t.Seed == 0 {
		return string(t.Status)
	}
	return fmt.Sprintf("%s with seed %d", t.Status, t.Seed)
}

// fill states what came out.
func (r *Receipt) fill(report *Report) {
	total := report.Score()
	r.Score, r.Points = FormatPoints(total.Earned), FormatPoints(total.Points)
	for _, s := range report.Stages {
		score := s.Score()
		rs := ReceiptStage{ID: s.Stage.ID, Score: FormatPoints(score.Earned), Points: FormatPoints(score.Points)}
		for _, result := range s.Results {
			rs.Tests = append(rs.Tests, result.receipt())
		}
		r.Stages = append(r.Stages, rs)
	}
}

func (r *Result) receipt() ReceiptTest {
	t := ReceiptTest{Name: r.Test.Name, Status: r.Status}
	switch r.Status {
	case Passed, Failed, Skipped:
	default:
		return t
	}
	t.Seed = r.Seed
	h := sha256.New()
	for _, run := range r.Runs {
		fmt.Fprintf(h, "%d %s\n", run.Seed, run.Digest)
	}
	fmt.Fprintf(h, "%d %s\n", r.Seed, r.Digest)
	t.Digest = hexDigest(h)[:16]
	return t
}

func hexDigest(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// digestFiles adds files to a digest, in the order of their names, with the lengths, so that
// no two sets of files look alike.
func digestFiles(h hash.Hash, files map[string][]byte) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%d %s %d\n", len(name), name, len(files[name]))
		h.Write(files[name])
	}
}

// digestSubmission is the SHA-256 of the files that are graded.
func digestSubmission(files map[string][]byte) string {
	h := sha256.New()
	digestFiles(h, files)
	return hexDigest(h)
}

// digestTests is the SHA-256 of all that decides grades besides the submission: the files
// of the module that the test programs consist of, with the pristine ones in their places,
// the versions of all other modules, and what the course says of the selected tests.
func (b *Batch) digestTests(ctx context.Context, tree Tree, pristine map[string][]byte) (string, error) {
	files, err := tree.sources(ctx, b.Selection, pristine)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	digestFiles(h, files)
	for _, st := range b.Selection {
		budget := b.Runner.budget(st.Stage)
		fmt.Fprintf(h, "stage %s %d %d %v %d\n", st.Stage.ID, st.Stage.Points, st.Stage.Weight(), budget.Time, budget.Memory)
		for _, test := range st.Tests {
			fmt.Fprintf(h, "test %s %s %d %s\n", test.Name, test.Package, test.Weight, course.FormatSeeds(b.Runner.seedsOf(test)))
		}
	}
	return hexDigest(h), nil
}

// sources returns the files of the module that go into the test programs of a selection, by
// slash-separated path, and go.mod and go.sum.
func (t Tree) sources(ctx context.Context, selection course.Selection, laid map[string][]byte) (map[string][]byte, error) {
	args := []string{"list", "-deps", "-test", "-e", "-json=Dir,Standard,Module,GoFiles,EmbedFiles,TestGoFiles,TestEmbedFiles,XTestGoFiles,XTestEmbedFiles"}
	if t.Overlay != "" {
		args = append(args, "-overlay", t.Overlay)
	}
	dirs := map[string]bool{}
	for _, test := range selection.Tests() {
		dirs["./"+test.Package] = true
	}
	scratch, err := newScratch()
	if err != nil {
		return nil, err
	}
	defer scratch.remove()
	cmd, err := t.command(ctx, scratch.dir, scratch.dir, append(args, slices.Sorted(maps.Keys(dirs))...))
	if err != nil {
		return nil, err
	}
	cmd.Dir = t.Course.Root
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errors.Errorf("go list: %v: %s", err, lastLine(complaint.String()))
	}
	files := map[string][]byte{}
	take := func(name string) error {
		if data, ok := laid[name]; ok {
			files[name] = data
			return nil
		}
		data, err := os.ReadFile(filepath.Join(t.Course.Root, filepath.FromSlash(name)))
		files[name] = data
		return errors.Trace(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := take(name); err != nil && !os.IsNotExist(errors.Cause(err)) {
			return nil, err
		}
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p struct {
			Dir                                                                             string
			Standard                                                                        bool
			Module                                                                          *struct{ Main bool }
			GoFiles, EmbedFiles, TestGoFiles, TestEmbedFiles, XTestGoFiles, XTestEmbedFiles []string
		}
		if err := d.Decode(&p); err != nil {
			return nil, errors.Annotate(err, "go list")
		}
		if p.Standard || p.Module == nil || !p.Module.Main {
			continue
		}
		dir, err := filepath.Rel(t.Course.Root, p.Dir)
		if err != nil {
			return nil, errors.Trace(err)
		}
		for _, name := range slices.Concat(p.GoFiles, p.EmbedFiles, p.TestGoFiles, p.TestEmbedFiles, p.XTestGoFiles, p.XTestEmbedFiles) {
			if filepath.IsAbs(name) {
				continue // what the go command generates for the test program
			}
			if err := take(strings.TrimPrefix(filepath.ToSlash(filepath.Join(dir, name)), "./")); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}
