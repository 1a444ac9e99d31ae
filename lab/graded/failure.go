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

// maxReason bounds a reason in bytes: it is one line on a score board. What does
// not fit is in the test's log.
const maxReason = 400

// condense turns the message of a failure into one line. Messages of testify are
// tables of "Error Trace", "Error", "Test" and "Messages" with a diff; what stays
// of them is the message and the error itself.
func condense(message string) string {
	if errText, messages, ok := testifyParts(message); ok {
		message = errText
		if messages != "" {
			message = messages + ": " + errText
		}
	}
	line := strings.Join(strings.Fields(message), " ")
	if len(line) > maxReason {
		line = strings.ToValidUTF8(line[:maxReason], "") + " …"
	}
	return line
}

func testifyParts(message string) (errText, messages string, ok bool) {
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
		return "", "", false
	}
	return joinLines(parts["Error"]), joinLines(parts["Messages"]), true
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
