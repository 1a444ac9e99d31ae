package diagnose

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/mutants"
)

// SignaturesFile has the signatures of all mutants of a course, relative to its root.
const SignaturesFile = mutants.Dir + "/signatures.txt"

// A mark is what is compared of a finding. What is said is there as a hash of a few
// letters, "" if nothing is said.
type mark struct {
	test   string
	shape  string // of the reason, without numbers and what is quoted
	detail string // of the whole reason
	rule   string // that a run broke
	in     string // the function that crashed or is stuck
}

// marks are what is compared of a signature.
type marks []mark

// trace is the stack that an error carries, which comes after what it says.
var trace = regexp.MustCompile(`, github\.com/labkv/labkv/\S+, .*$`)

func marksOf(findings []grade.Finding) marks {
	var ms marks
	for _, f := range findings {
		reason := trace.ReplaceAllString(f.Reason, "")
		ms = append(ms, mark{
			test:   f.Test.Name,
			shape:  hash(grade.ShapeOf(reason)),
			detail: hash(reason),
			rule:   hash(f.Broken),
			in:     hash(f.In),
		})
	}
	return ms
}

// hash returns five letters and digits that stand for a text, "" for none.
func hash(text string) string {
	if text == "" {
		return ""
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	digits := "00000" + strconv.FormatUint(uint64(h.Sum32()), 36)
	return digits[len(digits)-5:]
}

// Signatures are a catalog's signatures, by the mutant's name.
type Signatures map[string]marks

// Put replaces the signature of a mutant.
func (all Signatures) Put(m mutants.Mutant, s *grade.Signature) { all[m.Name] = marksOf(s.Findings) }

// The file has a line for each test that some mutant fails, and then one for each mutant:
// its name, and its marks as number of the test, shape, detail, rule and function. Empty
// ones at the end are left out.
const (
	note       = "# Written by lab mutants --signatures; edits are lost."
	testPrefix = "test "
)

// Write writes the signatures of a catalog, as far as there are any, so that
// ReadSignatures reads them. Tests that the course does not have are left out. What it
// writes depends on nothing but its arguments.
func (all Signatures) Write(w io.Writer, c *course.Course, catalog []mutants.Mutant) error {
	fails := map[string]bool{}
	for _, m := range catalog {
		for _, k := range all[m.Name] {
			fails[k.test] = true
		}
	}
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, note)
	number := map[string]int{}
	for _, stage := range c.Stages() {
		for _, test := range stage.Tests {
			if fails[test.Name] {
				number[test.Name] = len(number)
				fmt.Fprintln(out, testPrefix+test.Name)
			}
		}
	}
	for _, m := range catalog {
		ms, ok := all[m.Name]
		if !ok {
			continue
		}
		fmt.Fprint(out, m.Name)
		for _, k := range ms {
			if _, ok := number[k.test]; !ok {
				continue
			}
			fields := strings.Join([]string{strconv.Itoa(number[k.test]), k.shape, k.detail, k.rule, k.in}, ":")
			fmt.Fprint(out, " ", strings.TrimRight(fields, ":"))
		}
		fmt.Fprintln(out)
	}
	return errors.Trace(out.Flush())
}

// ReadSignatures reads a file that Write wrote; of one that does not exist, none.
func ReadSignatures(file string) (Signatures, error) {
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return Signatures{}, nil
	}
	if err != nil {
		return nil, errors.Trace(err)
	}
	defer f.Close()
	all, err := parseSignatures(f)
	return all, errors.Annotate(err, file)
}

func parseSignatures(r io.Reader) (Signatures, error) {
	all := Signatures{}
	var tests []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, testPrefix); ok {
			tests = append(tests, name)
			continue
		}
		words := strings.Fields(line)
		if _, twice := all[words[0]]; twice {
			return nil, errors.Errorf("line %d: %s stands here twice", n, words[0])
		}
		all[words[0]] = marks{}
		for _, word := range words[1:] {
			m, err := parseMark(word, tests)
			if err != nil {
				return nil, errors.Annotatef(err, "line %d", n)
			}
			all[words[0]] = append(all[words[0]], m)
		}
	}
	return all, errors.Trace(lines.Err())
}

// Check returns an error unless the signatures are those of all mutants of a catalog and of no
// others, and name only tests of the course.
func (all Signatures) Check(c *course.Course, catalog []mutants.Mutant) error {
	known := map[string]bool{}
	for _, m := range catalog {
		known[m.Name] = true
		ms, ok := all[m.Name]
		if !ok {
			return errors.Errorf("the signature of %s is missing", m.Name)
		}
		for _, k := range ms {
			if _, ok := c.Test(k.test); !ok {
				return errors.Errorf("the signature of %s names %s, and there is no such test", m.Name, k.test)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !known[name] {
			return errors.Errorf("there is no mutant %s", name)
		}
	}
	return nil
}

func parseMark(word string, tests []string) (mark, error) {
	fields := strings.Split(word, ":")
	number, err := strconv.Atoi(fields[0])
	if err != nil || number < 0 || number >= len(tests) || len(fields) > 5 {
		return mark{}, errors.Errorf("%q is not a mark", word)
	}
	fields = append(fields, make([]string, 5-len(fields))...)
	return mark{test: tests[number], shape: fields[1], detail: fields[2], rule: fields[3], in: fields[4]}, nil
}
