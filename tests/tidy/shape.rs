//! How a file is built: its head, its length and name, and the functions in it.

use syn::{
    Expr, ExprIf, FnArg, Signature,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::{findings::Finding, source::Source};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
/// A test may hold its table of cases.
const TEST_LINES_MAX: usize = 120;
const PARAMETERS_MAX: usize = 6;
const NESTING_MAX: usize = 4;
/// Names that say nothing about what is inside.
const BANNED_NAMES: &[&str] =
    &["common", "core", "helper", "helpers", "misc", "shared", "types", "util", "utils"];

/// Checks one file.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut shape = Shape { source, findings: Vec::new(), depth: 0 };
    shape.head();
    shape.length();
    shape.name();
    shape.visit_file(&source.syntax);
    shape.findings
}

struct Shape<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
    /// Control structures around the expression that is being looked at.
    depth: usize,
}

impl Shape<'_> {
    fn find(&mut self, rule: &'static str, line: usize, message: String) {
        self.findings.push(Finding { path: self.source.path.clone(), line, rule, message });
    }

    fn head(&mut self) {
        let code = |line: &&str| !line.starts_with("#![") && !line.is_empty();
        let first = self.source.text.lines().find(code);
        let opens = first.is_some_and(|line| line.starts_with("//! ") && line.len() > 10);
        if !opens {
            self.find("head", 1, "the file must open with a `//!` sentence of what it is".to_owned());
        }
    }

    fn length(&mut self) {
        let lines = self.source.text.lines().count();
        if lines > FILE_LINES_MAX {
            let message = format!("{lines} lines, more than {FILE_LINES_MAX}; split it by ideas");
            self.find("file-length", FILE_LINES_MAX, message);
        }
    }

    fn name(&mut self) {
        let names: Vec<String> =
            self.source.path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        for name in names.iter().filter(|name| BANNED_NAMES.contains(&name.as_str())) {
            self.find(
                "banned-name",
                1,
                format!("`{name}` says nothing about what is in it; name the concept"),
            );
        }
    }

    fn function(&mut self, signature: &Signature, body: &syn::Block) {
        let (first, last) = (signature.span().start().line, body.span().end().line);
        let lines = last + 1 - first;
        let name = &signature.ident;
        let most = if self.source.is_test_line(first) { TEST_LINES_MAX } else { FUNCTION_LINES_MAX };
        if lines > most {
            let message = format!("`{name}` has {lines} lines, more than {most}; split it");
            self.find("function-length", first, message);
        }
        let parameters = signature.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_))).count();
        if parameters > PARAMETERS_MAX {
            let message =
                format!("`{name}` has {parameters} parameters, more than {PARAMETERS_MAX}; thread a struct");
            self.find("parameters", first, message);
        }
    }

    /// Looks into a control structure, one level deeper.
    fn deeper(&mut self, line: usize, look: impl FnOnce(&mut Self)) {
        self.depth += 1;
        if self.depth == NESTING_MAX + 1 {
            let message =
                format!("nested {} deep, more than {NESTING_MAX}; return early or name a part", self.depth);
            self.find("nesting", line, message);
        }
        look(self);
        self.depth -= 1;
    }

    fn else_branch(&mut self, branch: &ExprIf) {
        let Some((_, other)) = &branch.else_branch else { return };
        match other.as_ref() {
            // `else if` is one ladder, not a step inward.
            Expr::If(next) => {
                self.visit_expr(&next.cond);
                self.visit_block(&next.then_branch);
                self.else_branch(next);
            }
            other => self.visit_expr(other),
        }
    }
}

impl<'ast> Visit<'ast> for Shape<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        let outer = std::mem::take(&mut self.depth);
        visit::visit_item_fn(self, item);
        self.depth = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        if item.content.is_some() && BANNED_NAMES.contains(&name.as_str()) {
            let message = format!("`mod {name}` says nothing about what is in it; name the concept");
            self.find("banned-name", item.span().start().line, message);
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_expr_if(&mut self, expr: &'ast ExprIf) {
        self.deeper(expr.span().start().line, |shape| {
            shape.visit_expr(&expr.cond);
            shape.visit_block(&expr.then_branch);
            shape.else_branch(expr);
        });
    }

    fn visit_expr_match(&mut self, expr: &'ast syn::ExprMatch) {
        self.deeper(expr.span().start().line, |shape| visit::visit_expr_match(shape, expr));
    }

    fn visit_expr_for_loop(&mut self, expr: &'ast syn::ExprForLoop) {
        self.deeper(expr.span().start().line, |shape| visit::visit_expr_for_loop(shape, expr));
    }

    fn visit_expr_while(&mut self, expr: &'ast syn::ExprWhile) {
        self.deeper(expr.span().start().line, |shape| visit::visit_expr_while(shape, expr));
    }

    fn visit_expr_loop(&mut self, expr: &'ast syn::ExprLoop) {
        self.deeper(expr.span().start().line, |shape| visit::visit_expr_loop(shape, expr));
    }
}
