package grade

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/course"
)

// passedOn are objects of packages that a solution may not import, which it gets from what
// it may import and which do no more than is said here.
var passedOn = map[string]bool{
	// proto.Message is this type. Its method, which leads to reflection, is not here.
	"google.golang.org/protobuf/reflect/protoreflect.ProtoMessage": true,
	// What package status returns: a code and a message. Its details are not here.
	"google.golang.org/grpc/internal/status.Status":         true,
	"google.golang.org/grpc/internal/status.Status.Code":    true,
	"google.golang.org/grpc/internal/status.Status.Message": true,
	"google.golang.org/grpc/internal/status.Status.Err":     true,
	// The streams of the service's interface, which a server hands on and never uses.
	"google.golang.org/grpc.ClientStreamingServer": true,
}

// refusedFunctions are functions of packages that a solution may import. Only functions
// can be refused one by one: a method can also be called through an interface, which does
// not say whose it is. So what has the method has to stay out of reach.
var refusedFunctions = map[string]string{
	// Closed, it leaves its number to the next file that is opened, and print writes there.
	"log.Writer":        "it returns a file",
	"log.Default":       "it leads to a file",
	"time.LoadLocation": "it reads files",
}

// functionReason returns why a function of a package that a solution may import is not for
// solutions, or "".
func functionReason(function *types.Func) string {
	if function.Signature().Recv() != nil {
		return ""
	}
	if function.Pkg().Path() == "math/rand/v2" && !strings.HasPrefix(function.Name(), "New") {
		return "it cannot be replayed: its seed is not for a program to choose"
	}
	return refusedFunctions[function.FullName()]
}

// A typeUse is an object that a solution may not use, or a value that it may not have.
type typeUse struct {
	pos   token.Position
	value bool
	text  string
}

// refusals returns what the package uses and may not, in the order of files and lines: of
// each line the first object, or if there is none the first value.
func (r *typeRun) refusals(p *typedPackage) []string {
	s := &useSearch{run: r, dir: p.dir, inside: map[types.Type]types.Object{}}
	for id, object := range p.info.Uses {
		s.object(id.Pos(), object)
	}
	for id, object := range p.info.Defs {
		if object != nil {
			s.value(id.Pos(), object.Type())
		}
	}
	for node, object := range p.info.Implicits {
		s.object(node.Pos(), object)
	}
	for id, instance := range p.info.Instances {
		s.value(id.Pos(), instance.Type)
		for argument := range instance.TypeArgs.Types() {
			s.value(id.Pos(), argument)
		}
	}
	for e, typed := range p.info.Types {
		s.value(e.Pos(), typed.Type)
	}
	for e, selection := range p.info.Selections {
		s.selection(e, selection)
	}
	kind := map[bool]int{false: 0, true: 1}
	slices.SortFunc(s.uses, func(a, b typeUse) int {
		return cmp.Or(strings.Compare(a.pos.Filename, b.pos.Filename), cmp.Compare(a.pos.Line, b.pos.Line),
			cmp.Compare(kind[a.value], kind[b.value]), cmp.Compare(a.pos.Offset, b.pos.Offset), strings.Compare(a.text, b.text))
	})
	s.uses = slices.CompactFunc(s.uses, func(a, b typeUse) bool {
		return a.pos.Filename == b.pos.Filename && a.pos.Line == b.pos.Line
	})
	var refused []string
	for _, u := range s.uses {
		refused = append(refused, fmt.Sprintf("%s:%d: %s", u.pos.Filename, u.pos.Line, u.text))
	}
	return refused
}

// A useSearch finds what a package of the course may not use.
type useSearch struct {
	run *typeRun
	dir string
	// inside is, by type, the object that makes it a type which a solution may not have
	// values of; nil for other types.
	inside map[types.Type]types.Object
	uses   []typeUse
}

func (s *useSearch) add(pos token.Pos, value bool, text string) {
	// Not adjusted: a line directive must not say where it is.
	s.uses = append(s.uses, typeUse{s.run.fset.PositionFor(pos, false), value, text})
}

func (s *useSearch) object(pos token.Pos, object types.Object) {
	switch object := object.(type) {
	case *types.PkgName: // an import
		return
	case *types.Func:
		if object.Pkg() != nil {
			if reason := functionReason(object); reason != "" {
				s.add(pos, false, "uses "+objectName(object)+"; "+reason)
				return
			}
		}
	}
	if s.foreign(object) {
		s.add(pos, false, "uses "+objectName(object)+useReason(s.run.checker.course, object))
		return
	}
	s.value(pos, object.Type())
}

func (s *useSearch) value(pos token.Pos, t types.Type) {
	if t == nil {
		return
	}
	if object := s.of(t); object != nil {
		s.add(pos, true, "has a value of type "+objectName(object)+useReason(s.run.checker.course, object))
	}
}

// selection looks at the embedded fields that a selection goes through unnamed.
func (s *useSearch) selection(e *ast.SelectorExpr, selection *types.Selection) {
	t := selection.Recv()
	for _, i := range selection.Index()[:len(selection.Index())-1] {
		if p, isPointer := t.Underlying().(*types.Pointer); isPointer {
			t = p.Elem()
		}
		fields, isStruct := t.Underlying().(*types.Struct)
		if !isStruct {
			return
		}
		t = fields.Field(i).Type()
		s.value(e.Sel.Pos(), t)
	}
}

// foreign reports whether an object is of a package that a solution has no business with.
func (s *useSearch) foreign(object types.Object) bool {
	if object.Pkg() == nil { // the language's own
		return false
	}
	importPath, c := object.Pkg().Path(), s.run.checker.course
	own := importPath == c.Module || strings.HasPrefix(importPath, c.Module+"/")
	return !own && !c.MayImport(s.dir, importPath) && !passedOn[objectName(object)]
}

// of returns the first foreign object in a type, nil if there is none. Of a type with a
// name only the name and its arguments count: what is in it counts where it is used.
func (s *useSearch) of(t types.Type) types.Object {
	if object, known := s.inside[t]; known {
		return object
	}
	s.inside[t] = nil // until it is known, for types that contain themselves
	s.inside[t] = s.search(t)
	return s.inside[t]
}

func (s *useSearch) search(t types.Type) types.Object {
	var parts []types.Type
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		if t.Kind() == types.UnsafePointer {
			return types.Unsafe.Scope().Lookup("Pointer")
		}
	case *types.Named:
		if s.foreign(t.Obj()) {
			return t.Obj()
		}
		parts = slices.Collect(t.TypeArgs().Types())
	case interface{ Elem() types.Type }: // pointer, slice, array, channel, map
		parts = append(parts, t.Elem())
		if m, isMap := t.(*types.Map); isMap {
			parts = append(parts, m.Key())
		}
	case *types.Signature:
		parts = append(parts, t.Params(), t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			parts = append(parts, v.Type())
		}
	case *types.Struct:
		for v := range t.Fields() {
			parts = append(parts, v.Type())
		}
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			parts = append(parts, m.Type())
		}
		parts = slices.AppendSeq(parts, t.EmbeddedTypes())
	case *types.Union:
		for term := range t.Terms() {
			parts = append(parts, term.Type())
		}
	}
	for _, part := range parts {
		if object := s.of(part); object != nil {
			return object
		}
	}
	return nil
}

// objectName returns the name of an object with the import path of its package and, if it
// is a method, its type.
func objectName(object types.Object) string {
	name := object.Pkg().Path() + "."
	if f, isFunc := object.(*types.Func); isFunc && f.Signature().Recv() != nil {
		t := types.Unalias(f.Signature().Recv().Type())
		if p, isPointer := t.(*types.Pointer); isPointer {
			t = types.Unalias(p.Elem())
		}
		if named, isNamed := t.(*types.Named); isNamed {
			name += named.Obj().Name() + "."
		}
	}
	return name + object.Name()
}

// useReason returns why a foreign object is not for solutions.
func useReason(c *course.Course, object types.Object) string {
	if reason := packageReason(object.Pkg().Path()); reason != "" {
		return "; " + reason
	}
	return ", whose package is not among those that a solution may use (see imports in " + course.FileName + ")"
}
