use std::{cell::RefCell, convert::Infallible, rc::Rc};

use leptos::prelude::*;
use plotters::style::RGBColor;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, VPos},
};

/// What a shape is drawn for. The style sheet knows its colour, in light and dark; plotters carries it as a colour of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Label,
    Grid,
    Traces,
    Failed,
    Mean,
    P95,
    Cost,
    Share,
}

impl Ink {
    const ALL: [Self; 8] = [Self::Label, Self::Grid, Self::Traces, Self::Failed, Self::Mean, Self::P95, Self::Cost, Self::Share];

    pub fn color(self) -> RGBColor {
        RGBColor(self as u8, 0, 0)
    }

    fn class(color: BackendColor) -> &'static str {
        match Self::ALL.get(usize::from(color.rgb.0)) {
            Some(Self::Grid) => "ink-grid",
            Some(Self::Traces) => "ink-traces",
            Some(Self::Failed) => "ink-failed",
            Some(Self::Mean) => "ink-mean",
            Some(Self::P95) => "ink-p95",
            Some(Self::Cost) => "ink-cost",
            Some(Self::Share) => "ink-share",
            Some(Self::Label) | None => "ink-label",
        }
    }
}

enum Shape {
    Line(BackendCoord, BackendCoord),
    Rect(BackendCoord, BackendCoord),
    Path(String),
    Area(String),
    Text { at: BackendCoord, anchor: &'static str, shift: &'static str, text: String },
}

/// What was drawn, in order, each with its class.
#[derive(Clone, Default)]
pub struct Drawing(Rc<RefCell<Vec<(&'static str, Shape)>>>);

/// Collects what plotters draws.
pub struct Canvas {
    size: (u32, u32),
    drawing: Drawing,
}

impl Canvas {
    pub fn new(width: u32, height: u32) -> (Self, Drawing) {
        let drawing = Drawing::default();
        (Self { size: (width, height), drawing: drawing.clone() }, drawing)
    }

    fn add(&mut self, color: BackendColor, shape: Shape) -> Result<(), DrawingErrorKind<Infallible>> {
        if color.alpha > 0.0 {
            self.drawing.0.borrow_mut().push((Ink::class(color), shape));
        }
        Ok(())
    }
}

fn points(path: impl IntoIterator<Item = BackendCoord>) -> String {
    path.into_iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ")
}

impl DrawingBackend for Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, color: BackendColor) -> Result<(), DrawingErrorKind<Infallible>> {
        self.add(color, Shape::Rect(at, (at.0 + 1, at.1 + 1)))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Result<(), DrawingErrorKind<Infallible>> {
        self.add(style.color(), Shape::Line(from, to))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        _fill: bool,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        self.add(style.color(), Shape::Rect(upper_left, bottom_right))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        self.add(style.color(), Shape::Path(points(path)))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        self.add(style.color(), Shape::Area(points(corners)))
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Result<(), DrawingErrorKind<Infallible>> {
        let place = style.anchor();
        let anchor = match place.h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        let shift = match place.v_pos {
            VPos::Top => "0.9em",
            VPos::Center => "0.35em",
            VPos::Bottom => "-0.2em",
        };
        self.add(style.color(), Shape::Text { at, anchor, shift, text: text.to_owned() })
    }

    /// By a fixed width, so that the server and every browser draw the same.
    fn estimate_text_size<T: BackendTextStyle>(&self, text: &str, style: &T) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let width = text.chars().count() as f64 * style.size() * 0.55;
        Ok((width.ceil() as u32, style.size().ceil() as u32))
    }
}

impl Drawing {
    /// The picture. `label` says in words what it shows.
    pub fn into_view(self, (width, height): (u32, u32), class: &'static str, label: String) -> AnyView {
        let shapes = self.into_shapes();
        view! { <svg class=class viewBox=format!("0 0 {width} {height}") role="img" aria-label=label>{shapes}</svg> }.into_any()
    }

    /// The picture as what stands behind words that say the same; it fills the room that they take.
    pub fn into_backdrop(self, (width, height): (u32, u32)) -> AnyView {
        let shapes = self.into_shapes();
        let view_box = format!("0 0 {width} {height}");
        view! { <svg class="backdrop" viewBox=view_box preserveAspectRatio="none" aria-hidden="true">{shapes}</svg> }.into_any()
    }

    fn into_shapes(self) -> impl IntoView + use<> {
        let shapes = self.0.take().into_iter().map(|(class, shape)| match shape {
            Shape::Line((x1, y1), (x2, y2)) => view! { <line class=class x1=x1 y1=y1 x2=x2 y2=y2 /> }.into_any(),
            Shape::Rect((x1, y1), (x2, y2)) => {
                view! { <rect class=class x=x1.min(x2) y=y1.min(y2) width=(x2 - x1).abs() height=(y2 - y1).abs() /> }.into_any()
            }
            Shape::Path(points) => view! { <polyline class=class points=points /> }.into_any(),
            Shape::Area(points) => view! { <polygon class=class points=points /> }.into_any(),
            Shape::Text { at: (x, y), anchor, shift, text } => {
                view! { <text class=class x=x y=y dy=shift text-anchor=anchor>{text}</text> }.into_any()
            }
        });
        shapes.collect_view()
    }
}
