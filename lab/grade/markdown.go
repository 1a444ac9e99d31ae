package grade

import (
	"fmt"
	"io"
	"strings"
)

// maxReasonInTable bounds a result in the table, in columns: all of it is below.
const maxReasonInTable = 400

// WriteMarkdown writes the score board as a table and every failure in full.
func (r *Report) WriteMarkdown(w io.Writer) error {
	out := &errWriter{w: w}
	out.print("# ", markdownText(r.Course.Name()), "\n\n")
	r.writeMarkdown(out, "##")
	return out.err
}

func (r *Report) writeMarkdown(out *errWriter, heading string) {
	out.print("| stage | test | result | points |\n|---|---|---|---:|\n")
	for _, s := range r.Stages {
		out.print(fmt.Sprintf("| **%s** | **%s** | **%d of %d passed** | **%s** |\n",
			s.Stage.ID, markdownText(s.Stage.Title), s.Passed(), len(s.Results), s.Score()))
		for _, result := range s.Results {
			out.print(fmt.Sprintf("| | %s | %s | |\n", result.Test.Name,
				markdownText(TableOptions{}.result(result, maxReasonInTable))))
		}
	}
	var details strings.Builder
	r.writeDetails(&errWriter{w: &details}, TableOptions{Details: -1})
	if details.Len() > 0 {
		fence := "```"
		for strings.Contains(details.String(), fence) {
			fence += "`"
		}
		out.print("\n", heading, " What failed\n\n", fence, "text", details.String(), fence, "\n")
	}
	out.print("\n")
	r.writeTotals(out)
}

// markdownText escapes what would end a cell or start markup.
func markdownText(s string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`, "<", "&lt;", "`", "\\`", "\n", " ").Replace(s)
}
