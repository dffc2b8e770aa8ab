// regression on a teacher network: 64 -> 128 (tanh) -> 64 (tanh) -> 16, mini-batches of 64, MUD with blocks of several sizes
use steepest::{DType, Mud, Muon, AdamW, Rule, IntoRule, Optimizer, Param, Slot};
struct R(u64);
impl R { fn u(&mut self)->f64{ self.0=self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); ((self.0>>11) as f64+0.5)*2f64.powi(-53)} fn n(&mut self)->f64{(-2.0*self.u().ln()).sqrt()*(std::f64::consts::TAU*self.u()).cos()} }
const L: [usize;4]=[64,128,64,16];
fn init(r:&mut R, gain:f64)->Vec<Vec<f32>>{(0..3).map(|l|(0..L[l]*L[l+1]).map(|_|(gain*r.n()/(L[l] as f64).sqrt()) as f32).collect()).collect()}
fn forward(w:&[Vec<f32>],x:&[f32])->Vec<Vec<f32>>{ let mut a=vec![x.to_vec()]; for l in 0..3 { let i=&a[l]; let o:Vec<f32>=(0..L[l+1]).map(|j|{let s:f32=w[l][j*L[l]..(j+1)*L[l]].iter().zip(i).map(|(a,b)|a*b).sum(); if l<2 {s.tanh()} else {s}}).collect(); a.push(o);} a}
fn grad(w:&[Vec<f32>],xs:&[Vec<f32>],ys:&[Vec<f32>])->(f64,Vec<Vec<f32>>){ let mut g:Vec<Vec<f32>>=w.iter().map(|w|vec![0.;w.len()]).collect(); let mut loss=0.; let n=xs.len() as f32;
 for (x,y) in xs.iter().zip(ys) { let a=forward(w,x); let mut d:Vec<f32>=a[3].iter().zip(y).map(|(a,b)|a-b).collect(); loss+=d.iter().map(|d|f64::from(d*d)).sum::<f64>()/xs.len() as f64/16.0; for d in &mut d {*d*=2.0/n/16.0}
  for l in (0..3).rev(){ for j in 0..L[l+1]{ for (g,a) in g[l][j*L[l]..(j+1)*L[l]].iter_mut().zip(&a[l]) {*g+=d[j]*a} } if l>0 { let mut e=vec![0f32;L[l]]; for j in 0..L[l+1]{ for (e,w) in e.iter_mut().zip(&w[l][j*L[l]..]) {*e+=d[j]*w}} for (e,a) in e.iter_mut().zip(&a[l]) {*e*=1.0-a*a} d=e; } } }
 (loss,g)}
fn main(){
 let steps=600;
 let run=|make:&dyn Fn()->Rule,lr:f64,seed:u64|->f64{
  let mut r=R(seed*77+1); let teacher=init(&mut r,1.5); let mut w=init(&mut r,1.0);
  // inputs with a spectrum, as data have
  let scale:Vec<f64>=(0..64).map(|i|2.0*0.95f64.powi(i)).collect();
  let mut draw=|r:&mut R,n:usize|{let x:Vec<Vec<f32>>=(0..n).map(|_|scale.iter().map(|s|(s*r.n()) as f32).collect()).collect(); let y:Vec<Vec<f32>>=x.iter().map(|x|forward(&teacher,x).pop().unwrap()).collect(); (x,y)};
  let test=draw(&mut R(999+seed),256);
  let mut o=Optimizer::builder(make()).build((0..3).map(|l|Param::new(format!("w{l}"),[L[l+1],L[l]],DType::F32))).unwrap();
  for t in 0..steps { let (x,y)=draw(&mut r,64); let (_,g)=grad(&w,&x,&y); let mut slots:Vec<Slot>=w.iter_mut().zip(&g).map(|(w,g)|Slot::new(w.as_mut_slice(),g.as_slice())).collect(); if o.step(lr*(1.0-t as f64/steps as f64),&mut slots).is_err(){return f64::INFINITY;} }
  grad(&w,&test.0,&test.1).0 };
 let mut methods:Vec<(String,Box<dyn Fn()->Rule>)>=vec![("adamw".into(),Box::new(||AdamW{weight_decay:0.0,..AdamW::default()}.into_rule().unwrap())),("muon".into(),Box::new(||Muon{scale:steepest::UpdateScale::MatchRmsAdamw,..Muon::default()}.into_rule().unwrap()))];
 for b in [0u64,32,16,8,4,1] { methods.push((format!("mud block_rows={b}"),Box::new(move||Mud{block_rows:b,..Mud::default()}.into_rule().unwrap()))); }
 for (name,make) in &methods { let mut best=(f64::INFINITY,0.0); let mut all=vec![]; for lr in [0.001,0.003,0.01,0.03,0.1] { let m:Vec<f64>=(1..=3).map(|s|run(make.as_ref(),lr,s)).collect(); let mean=m.iter().sum::<f64>()/3.0; all.push(format!("{lr}: {mean:.4}")); if mean<best.0 {best=(mean,lr)} } println!("{name:20} best {:.4} at {}   [{}]",best.0,best.1,all.join(", ")); }
}
