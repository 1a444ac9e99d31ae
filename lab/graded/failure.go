package graded

import (
	"fmt"
	"strings"
)

// Failure is what a student is shown about a failed run. The first line names
// the test, the block under it is aligned:
//
//	--- FAIL: TestRandomSchedules2AB   seed 17
//	    guarantee   an entry is committed once a majority stores it
//	    source      Raft §5.3
//	    found       server 2 committed index 9 with one copy
//	    schedule    …
//	    replay      make replay TEST=TestRandomSchedules2AB SEED=17
//	    read        doc/project2-raft.md#replication
type Failure struct {
	Test     string
	Seed     uint64 // 0: none
	AllSeeds bool   // only all seeds of the test together show it
	Claim    Claim
	Found    string
	Sections []Section
	Read     string // file#anchor of the guide; "" leaves the line out
}

// FailureOf returns the failure that an end record describes.
func FailureOf(rec Record) Failure {
	return Failure{
		Test:     rec.Test,
		Seed:     rec.Seed,
		Claim:    Claim{Text: rec.Claim, Source: rec.Source},
		Found:    rec.Reason,
		Sections: rec.Sections,
	}
}

// Replay is the command that runs exactly this again.
func (f Failure) Replay() string {
	if f.AllSeeds {
		return "go run ./cmd/lab test " + f.Test
	}
	if f.Seed == 0 {
		return "make replay TEST=" + f.Test
	}
	return fmt.Sprintf("make replay TEST=%s SEED=%d", f.Test, f.Seed)
}

// String returns the block, ending in a newline.
func (f Failure) String() string {
	rows := []Section{
		{"guarantee", f.Claim.Text},
		{"source", f.Claim.Source},
		{"found", f.Found},
	}
	rows = append(rows, f.Sections...)
	rows = append(rows, Section{"replay", f.Replay()}, Section{"read", f.Read})
	width := 9
	for _, row := range rows {
		width = max(width, len(row.Name))
	}

	var b strings.Builder
	fmt.Fprintf(&b, "--- FAIL: %s", f.Test)
	if f.Seed != 0 {
		fmt.Fprintf(&b, "   seed %d", f.Seed)
	}
	b.WriteByte('\n')
	for _, row := range rows {
		if row.Text == "" {
			continue
		}
		name := row.Name
		for line := range strings.SplitSeq(row.Text, "\n") {
			b.WriteString(strings.TrimRight(fmt.Sprintf("    %-*s   %s", width, name, line), " "))
			b.WriteByte('\n')
			name = ""
		}
	}
	return b.String()
}

// A reason is one line. Of a long one the beginning and the end stay: what decides is
// often the last that is said.
const (
	reasonHead = 900
	reasonTail = 500
)

// InOneLine returns text as one line that is not too long for a reason.
func InOneLine(text string) string {
	line := strings.Join(strings.Fields(text), " ")
	if len(line) > reasonHead+reasonTail {
		line = strings.ToValidUTF8(line[:reasonHead], "") + " … " + strings.ToValidUTF8(line[len(line)-reasonTail:], "")
	}
	return line
}

// condense turns the message of a failure into one line. Messages of testify are
// tables of "Error Trace", "Error", "Test" and "Messages" with a diff; what stays
// of them is what the test says, and what testify has found, in words.
func condense(message string) string {
	if found, says, ok := testifyParts(message); ok {
		message = inWords(found)
		switch {
		case says == "":
		case message == "":
			message = says
		default:
			message = says + ": " + message
		}
	}
	return InOneLine(message)
}

// inWords says in plain words what testify found, "" if that adds nothing to what a
// test says beside it.
func inWords(found []string) string {
	text := strings.Join(strings.Fields(joinLines(found)), " ")
	first := ""
	if len(found) > 0 {
		first = found[0]
	}
	rest := func(prefix string) string { return strings.TrimSpace(strings.TrimPrefix(text, prefix)) }
	switch {
	case first == "Should be true", first == "Should be false", first == "Expected value not to be nil.", first == "Condition failed!":
		return ""
	case first == "Not equal:":
		expected, actual, ok := strings.Cut(rest("Not equal:"), ", actual : ")
		expected, was := strings.CutPrefix(expected, "expected: ")
		if ok && was {
			return fmt.Sprintf("it is %s and should be %s", actual, expected)
		}
	case first == "Received unexpected error:":
		return "it fails with the error: " + rest(first)
	case first == "An error is expected but got nil.":
		return "it should fail with an error, and does not"
	case strings.HasPrefix(first, "Expected nil, but got: "):
		return "it is " + rest("Expected nil, but got: ") + " and should be nil"
	case strings.HasPrefix(first, "Should be empty, but was "):
		return "it should be empty and is " + rest("Should be empty, but was ")
	case strings.HasPrefix(first, "Should NOT be empty, but was "):
		return "it should not be empty and is " + rest("Should NOT be empty, but was ")
	case strings.HasPrefix(first, "Should be zero, but was "):
		return "it should be 0 and is " + rest("Should be zero, but was ")
	case strings.HasPrefix(first, "Should not be: "):
		return "it should not be " + rest("Should not be: ")
	}
	return text
}

// testifyParts takes a message of testify apart: the lines on what it found, without
// the diff, and what the test says to it.
func testifyParts(message string) (found []string, says string, ok bool) {
	parts := map[string][]string{}
	label := ""
	for line := range strings.SplitSeq(message, "\n") {
		rest, cut := strings.CutPrefix(line, "\t")
		if !cut {
			continue
		}
		if name, text, found := strings.Cut(rest, ":"); found && name != "" && strings.TrimLeft(name, " ") == name {
			switch name {
			case "Error Trace", "Error", "Test", "Messages":
				label, rest = name, text
			}
		}
		text := strings.TrimSpace(rest)
		if label == "Error" && strings.HasPrefix(text, "Diff:") {
			label = "Diff"
		}
		parts[label] = append(parts[label], text)
	}
	if len(parts["Error Trace"]) == 0 || len(parts["Error"]) == 0 {
		return nil, "", false
	}
	return parts["Error"], joinLines(parts["Messages"]), true
}

func joinLines(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		if line == "" {
			continue
		}
		if s := b.String(); s != "" {
			if strings.HasSuffix(s, ":") {
				b.WriteByte(' ')
			} else {
				b.WriteString(", ")
			}
		}
		b.WriteString(line)
	}
	return b.String()
}
