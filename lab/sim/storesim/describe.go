package storesim

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// Describe implements sim.Describer.
func (y *System) Describe(m proto.Message, e *trace.Event) {
	if r, ok := m.(*raftserverpb.RaftMessage); ok {
		describeRaft(r, e)
		return
	}
	if keyed, ok := m.(interface{ GetKey() []byte }); ok {
		e.Key = string(keyed.GetKey())
	}
	if of, ok := m.(interface{ GetContext() *kvrpcpb.Context }); ok {
		e.Region = of.GetContext().GetRegionId()
	}
	e.Text = shortened(textOfMessage(m.ProtoReflect()))
}

func describeRaft(r *raftserverpb.RaftMessage, e *trace.Event) {
	e.Region = r.RegionId
	m := r.Message
	if m == nil {
		e.Type, e.Text = "Removed", fmt.Sprintf("peer %d was removed", r.ToPeer.GetId())
		return
	}
	e.Type, e.Term, e.Index = m.MsgType.String(), m.Term, m.Index
	var text []string
	add := func(format string, args ...any) { text = append(text, fmt.Sprintf(format, args...)) }
	if m.LogTerm > 0 {
		add("log term %d", m.LogTerm)
	}
	if n := len(m.Entries); n > 0 {
		add("entries %d..%d", m.Entries[0].Index, m.Entries[n-1].Index)
	}
	if m.Commit > 0 {
		add("commit %d", m.Commit)
	}
	if meta := m.Snapshot.GetMetadata(); meta != nil {
		add("snapshot of (term %d, index %d)", meta.Term, meta.Index)
	}
	if m.Reject {
		add("reject")
	}
	if m.RejectHint > 0 {
		add("hint %d", m.RejectHint)
	}
	e.Text = strings.Join(text, ", ")
}

// textOfMessage returns the fields of m that are set, but for the context. Unlike the
// text format of protobuf, it is the same for each build of a program.
func textOfMessage(m protoreflect.Message) string {
	var parts []string
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) || f.Name() == "context" {
			continue
		}
		v := m.Get(f)
		switch {
		case f.IsMap(): // in no message of stores
		case f.IsList():
			var all []string
			for j := range v.List().Len() {
				all = append(all, textOfValue(f, v.List().Get(j)))
			}
			parts = append(parts, fmt.Sprintf("%s [%s]", f.Name(), strings.Join(all, ", ")))
		default:
			parts = append(parts, fmt.Sprintf("%s %s", f.Name(), textOfValue(f, v)))
		}
	}
	return strings.Join(parts, ", ")
}

func textOfValue(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return "{" + textOfMessage(v.Message()) + "}"
	case protoreflect.BytesKind:
		return fmt.Sprintf("%q", v.Bytes())
	case protoreflect.StringKind:
		return fmt.Sprintf("%q", v.String())
	case protoreflect.EnumKind:
		if name := f.Enum().Values().ByNumber(v.Enum()); name != nil {
			return string(name.Name())
		}
	}
	return fmt.Sprint(v.Interface())
}
