package overlay

import (
	"bytes"
	"go/ast"
	"go/scanner"
	"go/token"

	"github.com/labkv/labkv/lab/overlay/source"
)

// remove deletes a declaration, an entry of a group, or a field: with its doc
// comment, with a semicolon and a comment that follow on its last line, and
// with the line itself if nothing else is on it.
func remove(edits *source.Edits, f *source.File, doc *ast.CommentGroup, n ast.Node) {
	start, end := f.Offset(n.Pos()), f.Offset(n.End())
	if doc != nil {
		start = f.Offset(doc.Pos())
	}
	if semi, ok := semicolon(f.Src[end:]); ok {
		end += semi
	}
	end = lineComment(f, end)
	// The rest of the line, if there is nothing on it.
	rest := bytes.TrimLeft(f.Src[end:], " \t\r")
	before := bytes.TrimRight(f.Src[:start], " \t")
	if len(rest) > 0 && rest[0] == '\n' && (len(before) == 0 || before[len(before)-1] == '\n') {
		start, end = closeGap(edits, f.Src, len(before), len(f.Src)-len(rest)+1)
	}
	edits.Delete(start, end)
}

// closeGap extends a range of whole lines that are to be removed, so that
// neither the first nor the last line in a pair of brackets becomes an empty
// one: gofmt leaves these alone.
func closeGap(edits *source.Edits, src []byte, start, end int) (int, int) {
	const space = " \t\r\n"
	kept := start // after the last byte that stays, if only spaces and removed lines follow it
	for {
		kept = len(bytes.TrimRight(src[:kept], space))
		removed, ok := edits.Start(kept - 1)
		if !ok {
			break
		}
		kept = removed
	}
	next := len(src) - len(bytes.TrimLeft(src[end:], space))
	if kept > 0 && (src[kept-1] == '{' || src[kept-1] == '(') {
		if i := bytes.LastIndexByte(src[end:next], '\n'); i >= 0 {
			end += i + 1
		}
	}
	if next < len(src) && (src[next] == '}' || src[next] == ')') {
		for i := kept; i < start; i++ {
			if src[i] == '\n' && !edits.Covers(i) {
				start = i + 1
			}
		}
	}
	return start, end
}

// semicolon returns the offset after the semicolon that ends a declaration, if
// one was written.
func semicolon(after []byte) (int, bool) {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(after))
	s.Init(file, after, nil, 0)
	pos, tok, lit := s.Scan()
	if tok == token.SEMICOLON && lit == ";" {
		return file.Offset(pos) + 1, true
	}
	return 0, false
}

// lineComment returns the offset after the comment that follows end on the same
// line, and end if there is none.
func lineComment(f *source.File, end int) int {
	for _, group := range f.AST.Comments {
		at := f.Offset(group.Pos())
		if at < end {
			continue
		}
		if len(bytes.Trim(f.Src[end:at], " \t")) > 0 {
			break
		}
		last := group.List[len(group.List)-1]
		// The parser drops carriage returns from comments, so only the mark in the source shows where one ends.
		mark, behind := "\n", 0
		if last.Text[1] == '*' {
			mark, behind = "*/", 2
		}
		at = f.Offset(last.Pos())
		if i := bytes.Index(f.Src[at:], []byte(mark)); i >= 0 {
			return at + i + behind
		}
		return len(f.Src)
	}
	return end
}
