// Command pages reads Markdown in three ways, by the name that it is called by: html renders it, outline lists its
// headings, links lists where it leads. Without a file it reads standard input.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// More than this is no page.
const largest = 16 << 20

var commands = map[string]func([]byte, io.Writer) error{
	"html":    html,
	"outline": outline,
	"links":   links,
}

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "pages:", err)
		os.Exit(1)
	}
}

// run finds the command in the name of the link, else in the first argument.
func run(args []string) error {
	name, files := filepath.Base(args[0]), args[1:]
	command, known := commands[name]
	if !known && len(files) > 0 {
		name, files = files[0], files[1:]
		command, known = commands[name]
	}
	if !known {
		return fmt.Errorf("there is no command %q, expected html, outline or links", name)
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	out := bufio.NewWriter(os.Stdout)
	for _, file := range files {
		source, err := read(file)
		if err == nil {
			err = command(source, out)
		}
		if err != nil {
			return fmt.Errorf("cannot read %q: %w", file, err)
		}
	}
	return out.Flush()
}

func read(file string) ([]byte, error) {
	in := os.Stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, errors.Unwrap(err)
		}
		defer opened.Close()
		in = opened
	}
	source, err := io.ReadAll(io.LimitReader(in, largest+1))
	if len(source) > largest {
		return nil, fmt.Errorf("it is larger than %d bytes", largest)
	}
	return source, err
}

func markdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.GFM, extension.Footnote),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	)
}

func html(source []byte, out io.Writer) error {
	return markdown().Convert(source, out)
}

// outline prints each heading, indented by its level.
func outline(source []byte, out io.Writer) error {
	return walk(source, func(node ast.Node) {
		if heading, ok := node.(*ast.Heading); ok {
			id, _ := heading.AttributeString("id")
			fmt.Fprintf(out, "%s%s  #%s\n", strings.Repeat("  ", heading.Level-1), words(heading, source), id)
		}
	})
}

// links prints each address once, sorted.
func links(source []byte, out io.Writer) error {
	var seen []string
	err := walk(source, func(node ast.Node) {
		switch link := node.(type) {
		case *ast.Link:
			seen = append(seen, string(link.Destination))
		case *ast.AutoLink:
			seen = append(seen, string(link.URL(source)))
		case *ast.Image:
			seen = append(seen, string(link.Destination))
		}
	})
	slices.Sort(seen)
	for _, link := range slices.Compact(seen) {
		fmt.Fprintln(out, link)
	}
	return err
}

func walk(source []byte, visit func(ast.Node)) error {
	page := markdown().Parser().Parse(text.NewReader(source))
	return ast.Walk(page, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			visit(node)
		}
		return ast.WalkContinue, nil
	})
}

// words is the text in a node, without its marks.
func words(node ast.Node, source []byte) string {
	var said strings.Builder
	_ = ast.Walk(node, func(part ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			switch part := part.(type) {
			case *ast.Text:
				said.Write(part.Segment.Value(source))
			case *ast.String:
				said.Write(part.Value)
			}
		}
		return ast.WalkContinue, nil
	})
	return said.String()
}
