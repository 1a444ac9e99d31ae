package course

import (
	"bytes"
	stderrors "errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/errors"
	"go.yaml.in/yaml/v3"
)

// Error is everything that is wrong with a description, by line.
type Error struct {
	File     string
	Problems []Problem
}

// Problem is one thing that is wrong.
type Problem struct {
	Line int
	Text string
}

// Error returns one line per problem, each "course.yaml:12: what is wrong".
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s:%d: %s", e.File, p.Line, p.Text)
	}
	return strings.Join(lines, "\n")
}

// located is a YAML value that knows its line.
type located[V any] struct {
	value V
	line  int
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *located[V]) UnmarshalYAML(node *yaml.Node) error {
	l.line = node.Line
	return node.Decode(&l.value)
}

type text = located[string]

// The file, as YAML has it.
type (
	fileYAML struct {
		Title   text
		Version text
		Budget  budgetYAML
		Handout struct {
			Files   text
			Answers []text
			Exclude []text
		}
		Imports  []text
		Taped    []text
		Projects []projectYAML
	}
	projectYAML struct {
		ID     text
		Title  text
		Guide  text
		Stages []stageYAML
	}
	stageYAML struct {
		ID       text
		Title    text
		Points   located[int64]
		Packages []text
		Edit     []text
		Needs    []text
		Guide    text
		Budget   budgetYAML
		Imports  []text
		Hints    []text
		Tests    []testYAML
	}
	budgetYAML struct {
		Time   text
		Memory text
	}
	testYAML struct {
		Stage   text // in a fragment only
		Name    text
		Package text
		Weight  *located[int64]
		Seeds   text
		Hidden  bool
	}
	fragmentYAML struct {
		Tests []testYAML
	}
)

// testFields are the fields of testYAML. Because a test may be a bare name, it
// decodes itself, and a decoder that was made that way does not refuse unknown
// fields on its own.
var testFields = []string{"stage", "name", "package", "weight", "seeds", "hidden"}

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *testYAML) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return t.Name.UnmarshalYAML(node)
	}
	if node.Kind == yaml.MappingNode {
		for i := 0; i < len(node.Content); i += 2 {
			if key := node.Content[i]; !slices.Contains(testFields, key.Value) {
				return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: field %s not found in type test", key.Line, key.Value)}}
			}
		}
	}
	type plain testYAML
	return node.Decode((*plain)(t))
}

// loader gathers problems, so that one reading reports all of them.
type loader struct {
	course   *Course
	problems []Problem
	ids      map[string]int // line of each stage id
	projects map[string]int
	tests    map[string]int
	budget   Budget // of stages that give none
}

func (p *loader) problem(line int, format string, args ...any) {
	p.problems = append(p.problems, Problem{Line: max(line, 1), Text: fmt.Sprintf(format, args...)})
}

func (p *loader) err(file string) error {
	if len(p.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Line - b.Line })
	return &Error{File: file, Problems: p.problems}
}

var moduleLine = regexp.MustCompile(`(?m)^module[ \t]+"?([^\s"]+)`)

// defaultBudget is generous: it only has to end what would never end.
var defaultBudget = Budget{Time: time.Minute, Memory: 1 << 30}

// Parse reads a description of the course in the directory root. Its directories
// must exist there, and root must hold a go.mod.
func Parse(root string, data []byte) (*Course, error) {
	gomod := filepath.Join(root, "go.mod")
	mod, err := os.ReadFile(gomod)
	if err != nil {
		return nil, errors.Annotate(err, "a course is a Go module")
	}
	m := moduleLine.FindSubmatch(mod)
	if m == nil {
		return nil, errors.Errorf("%s names no module", gomod)
	}
	module := string(m[1])

	p := &loader{
		course:   &Course{Root: root, Module: module},
		ids:      map[string]int{},
		projects: map[string]int{},
		tests:    map[string]int{},
	}
	var file fileYAML
	if err := decodeStrict(data, &file); err != nil {
		p.yamlProblems(err)
		return nil, p.err(FileName)
	}
	p.file(file)
	if err := p.err(FileName); err != nil {
		return nil, err
	}
	return p.course, nil
}

func (c *Course) clone() *Course {
	cc := *c
	cc.Projects = nil
	for _, p := range c.Projects {
		pp := *p
		pp.Course = &cc
		pp.Stages = nil
		for _, s := range p.Stages {
			ss := *s
			ss.Project = &pp
			ss.Tests = nil
			for _, t := range s.Tests {
				tt := *t
				tt.Stage = &ss
				ss.Tests = append(ss.Tests, &tt)
			}
			pp.Stages = append(pp.Stages, &ss)
		}
		cc.Projects = append(cc.Projects, &pp)
	}
	return &cc
}

func decodeStrict(data []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		if err == io.EOF {
			return errors.New("line 1: is empty")
		}
		return err
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return errors.New("line 1: holds more than one document")
	}
	return nil
}

var (
	yamlLine     = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): (.*)$`)
	yamlUnknown  = regexp.MustCompile(`^field (\S+) not found in type .+$`)
	yamlRepeated = regexp.MustCompile(`^mapping key "(.*)" already defined at line (\d+)$`)
	yamlType     = regexp.MustCompile("^cannot unmarshal !!(\\w+) ?(?:`(.*)`)? ?into (.*)$")
)

// yamlProblems turns the YAML package's errors, which speak of Go types, into
// words of the file.
func (p *loader) yamlProblems(err error) {
	lines := []string{err.Error()}
	var te *yaml.TypeError
	if stderrors.As(err, &te) {
		lines = te.Errors
	}
	for _, line := range lines {
		m := yamlLine.FindStringSubmatch(line)
		if m == nil {
			p.problem(1, "%s", strings.TrimPrefix(line, "yaml: "))
			continue
		}
		at, _ := strconv.Atoi(m[1])
		what := m[2]
		if u := yamlUnknown.FindStringSubmatch(what); u != nil {
			what = fmt.Sprintf("unknown field %q", u[1])
		} else if r := yamlRepeated.FindStringSubmatch(what); r != nil {
			what = fmt.Sprintf("field %q is given twice, first on line %s", r[1], r[2])
		} else if t := yamlType.FindStringSubmatch(what); t != nil {
			what = fmt.Sprintf("%s does not belong here, %s does", yamlValue(t[1], t[2]), yamlKind(t[3]))
		}
		p.problem(at, "%s", what)
	}
}

func yamlValue(tag, value string) string {
	switch tag {
	case "map":
		return "a mapping"
	case "seq":
		return "a list"
	}
	return strconv.Quote(value)
}

func yamlKind(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case goType == "string":
		return "a text"
	case goType == "int64":
		return "a whole number"
	case goType == "bool":
		return "true or false"
	}
	return "a mapping"
}

func (p *loader) file(f fileYAML) {
	c := p.course
	c.Title = f.Title.value
	if c.Title == "" {
		p.problem(f.Title.line, "the course has no title")
	}
	var err error
	if c.Version, err = ParseVersion(f.Version.value); err != nil {
		p.problem(f.Version.line, "%v", err)
	}
	p.budget = p.parseBudget(f.Budget, defaultBudget)
	c.Handout = Handout{
		Exclude: p.patterns(f.Handout.Exclude),
		Answers: p.patterns(f.Handout.Answers),
		Files:   f.Handout.Files.value,
	}
	if dir := c.Handout.Files; dir != "" && (dir == "." || dir != path.Clean(dir) || !filepath.IsLocal(filepath.FromSlash(dir))) {
		p.problem(f.Handout.Files.line, "files %q is not a directory below the course", dir)
	}
	c.Imports = values(f.Imports)
	c.Taped = p.dirs(f.Taped)
	if len(f.Projects) == 0 {
		p.problem(1, "the course has no projects")
	}
	for _, py := range f.Projects {
		p.project(py)
	}
}

var projectID = regexp.MustCompile(`^[1-9][0-9]*[a-z]*$`)

func (p *loader) project(py projectYAML) {
	id := py.ID.value
	if !projectID.MatchString(id) {
		p.problem(py.ID.line, "project id %q: write a number and lower-case letters, like 2a", id)
	} else if line, dup := p.projects[id]; dup {
		p.problem(py.ID.line, "project %s is already on line %d", id, line)
	}
	p.projects[id] = py.ID.line
	pr := &Project{ID: id, Title: py.Title.value, Guide: py.Guide.value, Course: p.course}
	if pr.Title == "" {
		p.problem(py.ID.line, "project %s has no title", id)
	}
	p.guide(py.Guide, false)
	if len(py.Stages) == 0 {
		p.problem(py.ID.line, "project %s has no stages", id)
	}
	p.course.Projects = append(p.course.Projects, pr)
	for _, sy := range py.Stages {
		p.stage(pr, sy)
	}
}

func (p *loader) stage(pr *Project, sy stageYAML) {
	id := sy.ID.value
	if !projectID.MatchString(id) {
		p.problem(sy.ID.line, "stage id %q: write a number and lower-case letters, like 2aa", id)
	} else if line, dup := p.ids[id]; dup {
		p.problem(sy.ID.line, "stage %s is already on line %d", id, line)
	}
	s := &Stage{
		ID:       id,
		Title:    sy.Title.value,
		Points:   sy.Points.value,
		Packages: p.dirs(sy.Packages),
		Edit:     p.dirs(sy.Edit),
		Guide:    sy.Guide.value,
		Budget:   p.parseBudget(sy.Budget, p.budget),
		Imports:  values(sy.Imports),
		Hints:    values(sy.Hints),
		Project:  pr,
	}
	if s.Title == "" {
		p.problem(sy.ID.line, "stage %s has no title", id)
	}
	if s.Points < 1 {
		p.problem(max(sy.Points.line, sy.ID.line), "stage %s needs points, a positive whole number", id)
	}
	if len(s.Packages) == 0 {
		p.problem(sy.ID.line, "stage %s names no packages", id)
	}
	if len(s.Edit) == 0 {
		p.problem(sy.ID.line, "stage %s names no directories to edit", id)
	}
	for _, need := range sy.Needs {
		if _, ok := p.ids[need.value]; !ok {
			p.problem(need.line, "stage %s needs %q, which is not a stage before it", id, need.value)
		}
		s.Needs = append(s.Needs, need.value)
	}
	p.guide(sy.Guide, true)
	p.ids[id] = sy.ID.line
	pr.Stages = append(pr.Stages, s)
	if len(sy.Tests) == 0 {
		p.problem(sy.ID.line, "stage %s has no tests", id)
	}
	for _, ty := range sy.Tests {
		if ty.Stage.value != "" {
			p.problem(ty.Stage.line, "a test under its stage has no field \"stage\"")
		}
		p.test(s, ty)
	}
}

var testName = regexp.MustCompile(`^Test[A-Z][A-Za-z0-9]*$`)

func (p *loader) test(s *Stage, ty testYAML) {
	name, line := ty.Name.value, ty.Name.line
	if !testName.MatchString(name) || !strings.HasSuffix(name, s.Directive()) {
		p.problem(line, "test %q of stage %s: names are like TestReason%s", name, s.ID, s.Directive())
	}
	if first, dup := p.tests[strings.ToLower(name)]; dup {
		p.problem(line, "test %s is already on line %d", name, first)
	}
	p.tests[strings.ToLower(name)] = line

	t := &Test{Name: name, Weight: 1, Hidden: ty.Hidden, Stage: s, line: line}
	switch {
	case ty.Package.value != "":
		t.Package = path.Clean(ty.Package.value)
		if !slices.Contains(s.Packages, t.Package) {
			p.problem(ty.Package.line, "test %s: %q is none of the packages of stage %s (%s)", name, t.Package, s.ID, strings.Join(s.Packages, ", "))
		}
	case len(s.Packages) == 1:
		t.Package = s.Packages[0]
	default:
		p.problem(line, "test %s: which package? Stage %s has several", name, s.ID)
	}
	if ty.Weight != nil {
		t.Weight = ty.Weight.value
		if t.Weight < 1 {
			p.problem(ty.Weight.line, "test %s: weight %d is not positive", name, t.Weight)
		}
	}
	if ty.Seeds.line != 0 {
		seeds, err := ParseSeeds(ty.Seeds.value)
		if err != nil {
			p.problem(ty.Seeds.line, "test %s: %v", name, err)
		}
		t.Seeds = seeds
	}
	s.Tests = append(s.Tests, t)
}

// dirs checks a list of directories: relative, slash separated, there.
func (p *loader) dirs(list []text) []string {
	var dirs []string
	for _, d := range list {
		clean := path.Clean(d.value)
		info, err := os.Stat(filepath.Join(p.course.Root, filepath.FromSlash(clean)))
		switch {
		case !filepath.IsLocal(filepath.FromSlash(d.value)) || strings.Contains(d.value, `\`):
			p.problem(d.line, "directory %q is not below the course", d.value)
		case err != nil || !info.IsDir():
			p.problem(d.line, "directory %s does not exist", clean)
		case slices.Contains(dirs, clean):
			p.problem(d.line, "directory %s is listed twice", clean)
		}
		dirs = append(dirs, clean)
	}
	return dirs
}

func (p *loader) patterns(list []text) []string {
	for _, t := range list {
		if _, err := path.Match(t.value, ""); err != nil {
			p.problem(t.line, "%q is not a pattern", t.value)
		}
	}
	return values(list)
}

func (p *loader) guide(g text, anchor bool) {
	if g.value == "" {
		return
	}
	file, name, found := strings.Cut(g.value, "#")
	if found != anchor || anchor && name == "" {
		want := "a file"
		if anchor {
			want = "file#section"
		}
		p.problem(g.line, "guide %q is not of the form %s", g.value, want)
		return
	}
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		p.problem(g.line, "guide %q is not below the course", file)
	}
}

func (p *loader) parseBudget(b budgetYAML, from Budget) Budget {
	if b.Time.line != 0 {
		d, err := time.ParseDuration(b.Time.value)
		if err != nil || d <= 0 {
			p.problem(b.Time.line, "time %q is not a duration (write 20s or 2m)", b.Time.value)
		}
		from.Time = d
	}
	if b.Memory.line != 0 {
		n, err := parseSize(b.Memory.value)
		if err != nil {
			p.problem(b.Memory.line, "%v", err)
		}
		from.Memory = n
	}
	return from
}

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

func parseSize(s string) (int64, error) {
	for _, unit := range sizeUnits {
		if number, ok := strings.CutSuffix(s, unit.suffix); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
			if err == nil && n > 0 && n <= (1<<50)/unit.bytes {
				return n * unit.bytes, nil
			}
		}
	}
	return 0, errors.Errorf("memory %q is not a size (write 512MiB or 2GiB)", s)
}

func values(list []text) []string {
	var out []string
	for _, t := range list {
		out = append(out, t.value)
	}
	return out
}
