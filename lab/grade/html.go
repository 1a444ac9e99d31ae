package grade

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
)

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "page/page.tmpl"))

// A page is what the template shows. It holds no times, so that equal grades are equal
// pages.
type page struct {
	Title, Enforced  string
	One              bool // a report about one tree, not a class
	Quick            string
	Silent           []string
	CSP              string
	CSS              template.CSS
	JS               template.JS
	Graded, Rejected int
	Perfect          int // submissions that passed everything
	Points           string
	Mean, Median     string // of the totals of graded submissions
	Histogram        []pageBin
	Marks            []pageMark
	Stages           []pageStage
	Rows             []pageRow
	Claims           []pageClaim
	Causes           []pageCause
	Rare             int           // causes that are not shown
	Texts            template.HTML // the rows' rowTexts as JSON, compressed, in base64
}

type (
	// pageBin is how many submissions have a share of the points.
	pageBin struct {
		Label             string
		Count, X, Y, High int // Y and High of 100
	}
	pageMark struct {
		Status       Status
		Letter, Sign string
	}
	pageStage struct {
		ID, Title, Points, Mean string
		Full                    int // submissions with full marks
		Share                   int // of the points that the class has, in percent
		Tests                   []pageTest
	}
	pageTest struct {
		Name, About string
		Hidden      bool
	}
	pageRow struct {
		Index       int
		Name        string
		Status      RowStatus
		Note, Total string
		Rank        string // the total, to sort by
		Stages      []pageCell
		Passed, All int
	}
	pageCell struct {
		Score, Letters string // a letter per test
	}
	pageClaim struct {
		Text, Source  string
		Tests         pageNames
		Failed, Tried int
		Percent       int
	}
	pageCause struct {
		Kind, Text string
		Tests      pageNames
		Rows       []pageLink
		Count      int // of submissions, of which Rows are the first
	}
	pageLink struct {
		Index int
		Name  string
	}
	// pageNames are the first few of several names.
	pageNames struct {
		First []string
		More  int
	}
)

// What a student reads is most of a page, and much alike: it is compressed, and becomes
// elements only when a reader asks for it.
type (
	rowTexts struct {
		Lines []*textLine    `json:"lines,omitempty"`
		Long  []textOfACause `json:"long,omitempty"`
	}
	// textLine is tests with the same result, in a few words.
	textLine struct {
		Letter string `json:"letter"`
		Text   string `json:"text"`
		Tests  []int  `json:"tests"` // their columns, from 0
	}
	textOfACause struct {
		Heading string `json:"heading,omitempty"`
		Text    string `json:"text"`
	}
)

// Bounds of lists, beyond which they are no help.
const (
	maxNamesShown  = 6
	maxLinksShown  = 24
	maxCausesShown = 40
)

// signs are what a test's result looks like in the matrix: a letter, which is its class in
// the style and its code in the data, and a sign, so that color is not needed.
var signs = map[Status]struct{ Letter, Sign string }{
	Passed:         {"p", "✓"},
	Failed:         {"f", "×"},
	NotImplemented: {"n", "○"},
	NotBuilt:       {"b", "!"},
	TimedOut:       {"t", "…"},
	Skipped:        {"s", "–"},
}

// noResult is the letter of a test that a rejected submission did not get to.
const noResult = "r"

var statuses = []Status{Passed, Failed, NotImplemented, NotBuilt, TimedOut, Skipped}

// WriteHTML writes one page about all submissions, which needs nothing but itself: a
// matrix of tests and submissions, the guarantees that most of them break, the causes that
// they have in common, and what each student gets to read.
func (g *Grades) WriteHTML(w io.Writer) error {
	p, err := g.page()
	if err != nil {
		return err
	}
	p.Title = g.Course.Name()
	return p.write(w)
}

// WriteHTML writes the page about one tree.
func (r *Report) WriteHTML(w io.Writer) error {
	g := &Grades{Course: r.Course, Rows: []*Row{{Name: "this tree", Status: Graded, Report: r}}}
	for _, s := range r.Stages {
		st := course.StageTests{Stage: s.Stage}
		for _, result := range s.Results {
			st.Tests = append(st.Tests, result.Test)
		}
		g.Stages = append(g.Stages, st)
	}
	p, err := g.page()
	if err != nil {
		return err
	}
	p.Title, p.One = r.Course.Name(), true
	p.Silent = r.silent()
	return p.write(w)
}

func (p *page) write(w io.Writer) error {
	css, err := pageFiles.ReadFile("page/page.css")
	if err != nil {
		return err
	}
	js, err := pageFiles.ReadFile("page/page.js")
	if err != nil {
		return err
	}
	p.CSS, p.JS = template.CSS(css), template.JS(js)
	p.CSP = "default-src 'none'; style-src " + sourceHash(css) + "; script-src " + sourceHash(js) + "; base-uri 'none'; form-action 'none'"
	return pageTemplate.Execute(w, p)
}

// sourceHash names one style or script that a page may use.
func sourceHash(text []byte) string {
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (g *Grades) page() (*page, error) {
	p := &page{Enforced: g.Enforced}
	p.Graded, p.Rejected = g.counts()
	for _, status := range statuses {
		p.Marks = append(p.Marks, pageMark{status, signs[status].Letter, signs[status].Sign})
	}
	claims := g.claims()
	for i, st := range g.Stages {
		p.Stages = append(p.Stages, g.pageStage(i, st, claims))
	}
	var texts []rowTexts
	for i, row := range g.Rows {
		shown, text := g.pageRow(i, row)
		p.Rows, texts = append(p.Rows, shown), append(texts, text)
		if row.Report != nil && row.Report.Quick {
			p.Quick = fmt.Sprintf("%d seeds a test", QuickSeeds)
		}
		if row.Report != nil && row.Report.Passed() {
			p.Perfect++
		}
	}
	p.Claims = g.pageClaims(claims)
	p.Causes, p.Rare = g.pageCauses()
	g.summarize(p)
	var err error
	p.Texts, err = compress(texts)
	return p, err
}

// claims returns the guarantee of each test, as far as some submission got so far that
// the test said it.
func (g *Grades) claims() map[*course.Test]graded.Claim {
	claims := map[*course.Test]graded.Claim{}
	for _, row := range g.Rows {
		for test, result := range row.results() {
			if _, ok := claims[test]; !ok && result.Claim.Text != "" {
				claims[test] = result.Claim
			}
		}
	}
	return claims
}

// results returns the results of a row by test, none if it was rejected.
func (row *Row) results() map[*course.Test]*Result {
	results := map[*course.Test]*Result{}
	if row.Report != nil {
		for _, result := range row.Report.Results() {
			results[result.Test] = result
		}
	}
	return results
}

func (g *Grades) pageStage(i int, st course.StageTests, claims map[*course.Test]graded.Claim) pageStage {
	earned, points := new(big.Rat), new(big.Rat)
	stage := pageStage{ID: st.Stage.ID, Title: st.Stage.Title}
	passed := make([]int, len(st.Tests))
	rows := 0
	for _, row := range g.Rows {
		score := g.score(row, i)
		stage.Points = FormatPoints(score.Points)
		if row.Report == nil {
			continue
		}
		rows++
		earned.Add(earned, score.Earned)
		points.Add(points, score.Points)
		if score.Full() {
			stage.Full++
		}
		for at, result := range row.Report.Stages[i].Results {
			if result.Status == Passed {
				passed[at]++
			}
		}
	}
	stage.Mean, stage.Share = mean(earned, rows), percent(earned, points)
	for at, test := range st.Tests {
		about := fmt.Sprintf("%d of %d passed · %s points", passed[at], rows, FormatPoints(Worth(test)))
		if claim := claims[test].Text; claim != "" {
			about = claim + " · " + about
		}
		stage.Tests = append(stage.Tests, pageTest{Name: test.Name, About: about, Hidden: test.Hidden})
	}
	return stage
}

func mean(sum *big.Rat, n int) string {
	if n == 0 {
		return "–"
	}
	return FormatPoints(new(big.Rat).Quo(sum, big.NewRat(int64(n), 1)))
}

// percent rounds down, so that 100 is all.
func percent(part, whole *big.Rat) int {
	if whole.Sign() == 0 {
		return 0
	}
	share := new(big.Rat).Quo(part, whole)
	return int(new(big.Int).Quo(new(big.Int).Mul(share.Num(), big.NewInt(100)), share.Denom()).Int64())
}

func (g *Grades) pageRow(index int, row *Row) (pageRow, rowTexts) {
	total := g.Total(row)
	out := pageRow{Index: index, Name: row.Name, Status: row.Status, Note: row.Note, Total: FormatPoints(total.Earned), Rank: total.Earned.FloatString(4)}
	var texts rowTexts
	lines := map[string]*textLine{}
	for i, st := range g.Stages {
		cell := pageCell{Score: FormatPoints(g.score(row, i).Earned)}
		for at := range st.Tests {
			column := out.All
			out.All++
			if row.Report == nil {
				cell.Letters += noResult
				continue
			}
			result := row.Report.Stages[i].Results[at]
			cell.Letters += signs[result.Status].Letter
			if result.Status == Passed {
				out.Passed++
				continue
			}
			// Tests that do not build say the same, and so do those whose function is missing.
			text := TableOptions{}.result(result, maxReasonInTable)
			if lines[text] == nil {
				lines[text] = &textLine{Letter: signs[result.Status].Letter, Text: text}
				texts.Lines = append(texts.Lines, lines[text])
			}
			lines[text].Tests = append(lines[text].Tests, column)
		}
		out.Stages = append(out.Stages, cell)
	}
	if row.Report != nil {
		for _, c := range causes(row.Report.Results()) {
			texts.Long = append(texts.Long, textOfACause{strings.TrimSpace(c.heading()), strings.TrimSpace(c[0].block())})
		}
	}
	return out, texts
}

// compress returns texts as JSON, compressed, in base64. Nothing of it is to be escaped:
// browsers take what is in a script element as it is, so that "&#43;" would not be a plus.
func compress(texts []rowTexts) (template.HTML, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if err := json.NewEncoder(zip).Encode(texts); err != nil {
		return "", err
	}
	if err := zip.Close(); err != nil {
		return "", err
	}
	return template.HTML(base64.StdEncoding.EncodeToString(out.Bytes())), nil
}

func (n *pageNames) add(name string) {
	switch {
	case slices.Contains(n.First, name):
	case len(n.First) < maxNamesShown:
		n.First = append(n.First, name)
	default:
		n.More++
	}
}

// pageClaims counts, for each guarantee, the submissions that break it among those whose
// code a test of it ran: what is not written is not misunderstood. The worst is first.
func (g *Grades) pageClaims(claims map[*course.Test]graded.Claim) []pageClaim {
	var all []*pageClaim
	byClaim := map[graded.Claim]*pageClaim{}
	tests := map[graded.Claim][]*course.Test{}
	for _, st := range g.Stages {
		for _, test := range st.Tests {
			claim, ok := claims[test]
			if !ok {
				continue
			}
			if byClaim[claim] == nil {
				byClaim[claim] = &pageClaim{Text: claim.Text, Source: claim.Source}
				all = append(all, byClaim[claim])
			}
			byClaim[claim].Tests.add(test.Name)
			tests[claim] = append(tests[claim], test)
		}
	}
	for _, row := range g.Rows {
		results := row.results()
		for claim, about := range tests {
			failed, tried := false, false
			for _, test := range about {
				switch results[test].status() {
				case Failed, TimedOut:
					failed, tried = true, true
				case Passed:
					tried = true
				}
			}
			if tried {
				byClaim[claim].Tried++
			}
			if failed {
				byClaim[claim].Failed++
			}
		}
	}
	var broken []pageClaim
	for _, c := range all {
		if c.Failed > 0 {
			c.Percent = 100 * c.Failed / c.Tried
			broken = append(broken, *c)
		}
	}
	slices.SortStableFunc(broken, func(a, b pageClaim) int {
		return cmp.Or(cmp.Compare(b.Failed*a.Tried, a.Failed*b.Tried), cmp.Compare(b.Failed, a.Failed))
	})
	return broken
}

// status is the status of a result, "" if there is none.
func (r *Result) status() Status {
	if r == nil {
		return ""
	}
	return r.Status
}

// pageCauses groups the failures of all submissions by cause. Those that most submissions
// have are first. Of a class, causes of one submission are only counted.
func (g *Grades) pageCauses() (shared []pageCause, rare int) {
	var all []*pageCause
	at := map[string]*pageCause{}
	seen := map[string]bool{} // causes and tests
	for i, row := range g.Rows {
		if row.Report == nil {
			continue
		}
		for _, result := range row.Report.Results() {
			key := causeOf(result)
			if key == "" {
				continue
			}
			c := at[key]
			if c == nil {
				c = &pageCause{Kind: kindOf(result), Text: result.Found()}
				at[key] = c
				all = append(all, c)
			}
			if test := key + "\x00" + result.Test.Name; !seen[test] {
				seen[test] = true
				c.Tests.add(result.Test.Name)
			}
			if submission := key + "\x00" + strconv.Itoa(i); !seen[submission] {
				seen[submission] = true
				c.Count++
				if c.Count <= maxLinksShown {
					c.Rows = append(c.Rows, pageLink{i, row.Name})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *pageCause) int { return cmp.Compare(b.Count, a.Count) })
	for _, c := range all {
		if c.Count == 1 && len(g.Rows) > 1 || len(shared) == maxCausesShown {
			rare++
			continue
		}
		shared = append(shared, *c)
	}
	return shared, rare
}

// kindOf says what the results have in common that causeOf puts together.
func kindOf(r *Result) string {
	switch {
	case r.Status == NotBuilt:
		return "does not build"
	case sectionText(r.Sections, "broken") != "":
		return "the same rule is broken"
	case sectionText(r.Sections, "stuck in") != "":
		return "stuck in the same place"
	case r.Status == TimedOut:
		return "out of time in the same test"
	case r.At != "":
		return "fails at the same place"
	}
	return "the same message"
}

// summarize fills in what the page says about all totals.
func (g *Grades) summarize(p *page) {
	var totals []*big.Rat
	sum, points := new(big.Rat), new(big.Rat)
	for _, row := range g.Rows {
		total := g.Total(row)
		points = total.Points
		if row.Report != nil {
			totals = append(totals, total.Earned)
			sum.Add(sum, total.Earned)
		}
	}
	p.Points, p.Mean, p.Median = FormatPoints(points), mean(sum, len(totals)), "–"
	if len(totals) == 0 {
		return
	}
	slices.SortFunc(totals, (*big.Rat).Cmp)
	low, high := totals[(len(totals)-1)/2], totals[len(totals)/2]
	p.Median = mean(new(big.Rat).Add(low, high), 2)

	const bins = 11 // full marks have one of their own
	counts := make([]int, bins)
	for _, total := range totals {
		counts[percent(total, points)/10]++
	}
	most := slices.Max(counts)
	for i, n := range counts {
		label := fmt.Sprintf("%d–%d %%", 10*i, 10*i+9)
		if i == bins-1 {
			label = "100 %"
		}
		high := 100 * n / most
		p.Histogram = append(p.Histogram, pageBin{Label: label, Count: n, X: 20 * i, Y: 100 - high, High: high})
	}
}
