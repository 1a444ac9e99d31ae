package mutants

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/labkv/labkv/lab/overlay/source"
	"github.com/pingcap/errors"
)

const (
	// inForce is the package variable with the number of the chosen mutant.
	inForce = "labkvMutant"
	// startFile is the file that sets it. Neither this name nor those of the mutants' files
	// end in a word that the go command takes for a platform or a test.
	startFile = "zz_mutants.go"
)

// Overlay returns the files, by slash-separated path relative to root, that
// turn the packages in root into programs which contain all of ms and run the
// one that [Variable] names when they start. Use them with go build -overlay
// (see overlay.WriteOverlay). ms must come from [Load] with the same root.
//
// A program built so stops at once if the variable names none of ms. A mutant
// of a package that is not linked into the program changes nothing.
func Overlay(root string, ms []Mutant) (map[string][]byte, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, errors.Annotate(err, "mutants")
	}
	l := newLoader(root, wrong)
	files := map[string][]byte{}
	numbers := map[string]int{}
	byDir := map[string][]Mutant{}
	for _, m := range ms {
		if numbers[m.Name] != 0 {
			return nil, errors.Errorf("mutant %s is in the list twice", m.Name)
		}
		numbers[m.Name] = len(numbers) + 1
		byDir[m.Dir] = append(byDir[m.Dir], m)
	}
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		t, err := l.target(dir)
		if err != nil {
			return nil, err
		}
		if err := t.dispatch(root, byDir[dir], numbers, files); err != nil {
			return nil, err
		}
		files[path.Join(dir, startFile)] = start(t.name, byDir[dir], ms, numbers)
	}
	return files, nil
}

// dispatch adds the files of one package: those with mutated functions, and
// one for each mutant.
func (t *target) dispatch(root string, ms []Mutant, numbers map[string]int, files map[string][]byte) error {
	mutants := map[funcKey][]Mutant{}
	for _, m := range ms {
		replaced, mistakes := t.compare(m.file)
		if err := mistakes.Err(); err != nil {
			return err
		}
		for _, fn := range replaced {
			mutants[keyOf(fn)] = append(mutants[keyOf(fn)], m)
		}
		name := path.Join(t.dir, "zz_mutant_"+strings.ReplaceAll(m.Name, "/", "-")+".go")
		files[name] = renamed(root, m, replaced, t.helpers(m.file))
	}
	for _, f := range t.files {
		edits := &source.Edits{}
		var dispatchers strings.Builder
		for _, fn := range f.Funcs() {
			if replacing := mutants[keyOf(fn)]; len(replacing) > 0 {
				end := f.Offset(fn.Name.End())
				edits.Replace(end, end, originalSuffix)
				dispatchers.WriteString(dispatcher(root, f, fn, replacing, numbers))
			}
		}
		if edits.Empty() {
			continue
		}
		// At the end, where they have the file's imports and move none of its lines.
		edits.Replace(len(f.Src), len(f.Src), "\n"+dispatchers.String())
		files[f.Path] = edits.Apply(f.Src)
	}
	return nil
}

// suffix returns what distinguishes the declarations of a mutant.
func suffix(m Mutant) string {
	return "_" + strings.NewReplacer("/", "_", "-", "_").Replace(m.Name)
}

// renamed returns the file of a mutant with names that no other has, as part of the build.
func renamed(root string, m Mutant, replaced []*ast.FuncDecl, helpers map[token.Pos]bool) []byte {
	f, edits := m.file, &source.Edits{}
	insert := func(id *ast.Ident) {
		end := f.Offset(id.End())
		edits.Replace(end, end, suffix(m))
	}
	for _, fn := range replaced {
		insert(fn.Name)
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && helpers[declaration(id)] {
			insert(id)
		}
		return true
	})
	// The constraint makes room for the directive that keeps positions those of the
	// catalog: it sets the number of the next line.
	if c, tag := buildLine(f); tag != "" {
		edits.Replace(f.Offset(c.Pos()), f.Offset(c.End()), lineDirective(root, f.Path, f.Line(c.Pos())+1))
	}
	return edits.Apply(f.Src)
}

// dispatcher returns the function that calls the original of fn or the variant
// of the mutant in force, on one line, which takes the original's position.
func dispatcher(root string, f *source.File, fn *ast.FuncDecl, ms []Mutant, numbers map[string]int) string {
	var out strings.Builder
	out.WriteString(lineDirective(root, f.Path, f.Line(fn.Pos())) + "\nfunc ")

	callee := fn.Name.Name
	prefix := ""
	if fn.Recv != nil {
		fmt.Fprintf(&out, "(recv %s) ", f.Text(fn.Recv.List[0].Type))
		prefix = "recv."
	}
	out.WriteString(callee)
	typeArgs := ""
	if names := typeParams(fn); len(names) > 0 {
		out.WriteString(f.Text(fn.Type.TypeParams))
		typeArgs = "[" + strings.Join(names, ", ") + "]"
	}

	var params, args []string
	for _, field := range fn.Type.Params.List {
		for range max(1, len(field.Names)) {
			name := "p" + strconv.Itoa(len(params))
			params = append(params, name+" "+f.Text(field.Type))
			if _, variadic := field.Type.(*ast.Ellipsis); variadic {
				name += "..."
			}
			args = append(args, name)
		}
	}
	fmt.Fprintf(&out, "(%s) ", strings.Join(params, ", "))
	hasResult := fn.Type.Results.NumFields() > 0
	if hasResult {
		var results []string
		for _, field := range fn.Type.Results.List {
			for range max(1, len(field.Names)) {
				results = append(results, f.Text(field.Type))
			}
		}
		fmt.Fprintf(&out, "(%s) ", strings.Join(results, ", "))
	}

	call := func(suffix string) string {
		c := prefix + callee + suffix + typeArgs + "(" + strings.Join(args, ", ") + ")"
		if hasResult {
			return "return " + c
		}
		return c
	}
	fmt.Fprintf(&out, "{ switch %s {", inForce)
	for _, m := range ms {
		fmt.Fprintf(&out, " case %d: %s;", numbers[m.Name], call(suffix(m)))
	}
	fmt.Fprintf(&out, " default: %s } }\n", call(originalSuffix))
	return out.String()
}

func lineDirective(root, name string, line int) string {
	return fmt.Sprintf("//line %s:%d", filepath.Join(root, filepath.FromSlash(name)), line)
}

// start returns the file that chooses the mutant in force, in a package of the given name.
func start(name string, here, all []Mutant, numbers map[string]int) []byte {
	var out strings.Builder
	fmt.Fprintf(&out, `// Code generated by lab/mutants. DO NOT EDIT.

package %s

import labkvos "os"

// %[2]s is the number of the mutant in force; with 0 every function is the original.
var %[2]s = %[2]sNumber(labkvos.Getenv(%[3]q))

func %[2]sNumber(name string) int {
	switch name {
	case "":
		return 0
`, name, inForce, Variable)
	for _, m := range here {
		fmt.Fprintf(&out, "\tcase %q:\n\t\treturn %d\n", m.Name, numbers[m.Name])
	}
	for _, m := range all {
		if m.Dir != here[0].Dir {
			fmt.Fprintf(&out, "\tcase %q: // in %s\n\t\treturn 0\n", m.Name, m.Dir)
		}
	}
	fmt.Fprintf(&out, "\t}\n\tpanic(%q + name + %q)\n}\n", Variable+"=", ": this program has no such mutant")
	return []byte(out.String())
}
