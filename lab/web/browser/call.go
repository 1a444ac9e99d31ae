package browser

import (
	"encoding/json"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Call carries out a command of the DevTools protocol that has no action of its own.
func Call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	v, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.t.Fatalf("%v\nthe page has said: %q", err, p.Messages())
	}
	return v
}

// Prefer makes the page find that the user prefers a colour scheme, "light" or "dark".
func (p *Page) Prefer(scheme string) {
	p.t.Helper()
	Call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// A Node is what a screen reader finds in a page.
type Node struct {
	Role, Name string
}

// Accessible returns all that a screen reader finds in the page, in order.
func (p *Page) Accessible() []Node {
	p.t.Helper()
	var nodes []Node
	for _, n := range Call(p, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		node := Node{Role: text(n.Role)}
		if n.Name != nil {
			node.Name = text(n.Name)
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// text returns the text that a value is; other values have none.
func text(v *accessibility.Value) string {
	var s string
	if json.Unmarshal(v.Value, &s) != nil {
		return ""
	}
	return s
}
