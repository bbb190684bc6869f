import type { FamilyRow } from './familyRow.ts';

// biome-ignore format: a table reads best with one row a line
export const LEISURE: readonly FamilyRow[] = [
  ['Yoga Mat', 'sports', 158928, 'Yoga Mats & Non-Slip Towels', 1900, 10, 90, 'Non Slip|Extra Thick|Eco|Cork|Foldable|with Strap', '6mm|8mm|10mm|15mm', 'Gymnastikmatte'],
  ['Resistance Band', 'sports', 158919, 'Resistance Trainers', 1700, 5, 50, 'Fabric|Latex|Heavy|Pull Up|Set', '3 Pack|5 Pack|11 Pieces', 'Fitnessband'],
  ['Adjustable Dumbbell', 'sports', 137865, 'Dumbbells', 640, 28, 320, 'Cast Iron|Pair|Compact|Quick Lock', '10kg|20kg|24kg|40kg', 'Hantel'],
  ['Camping Tent', 'sports', 179011, 'Tents', 820, 32, 340, 'Pop Up|Waterproof|Lightweight|Family|Ultralight', '1 Person|2 Person|4 Person|6 Person', 'Zelt'],
  ['Sleeping Bag', 'sports', 181397, 'Sleeping Bags', 760, 18, 180, 'Down|Lightweight|Mummy|Double|3 Season', '0C|5C|-10C', 'Schlafsack'],
  ['Headlamp', 'sports', 106984, 'Flashlights', 1250, 7, 75, 'Rechargeable|LED|Waterproof|Motion Sensor|Bright', '400LM|1000LM|2000LM', 'Stirnlampe'],
  ['Bike Light', 'sports', 106943, 'Lights & Reflectors', 1500, 7, 85, 'USB|Rechargeable|Waterproof|Front and Rear|LED', '400LM|800LM|1200LM', 'Fahrradlicht'],
  ['Bike Helmet', 'sports', 70911, 'Helmets', 930, 18, 150, 'Lightweight|Adjustable|Kids|Road|with Visor', 'S|M|L|54-58cm', 'Fahrradhelm'],
  ['Hiking Backpack', 'sports', 36114, 'Day Packs', 1450, 19, 170, 'Waterproof|Lightweight|with Rain Cover|Foldable', '20L|30L|40L|60L', 'Rucksack'],
  ['Fishing Reel', 'sports', 108153, 'Reels', 1200, 14, 190, 'Spinning|Baitcasting|Lightweight|Saltwater', '1000|2000|3000|5000', 'Angelrolle'],
  ['Running Belt', 'sports', 137879, 'Fitness Accessories', 680, 7, 35, 'Waterproof|Slim|Adjustable|Reflective', 'S|M|L', 'Laufgürtel'],
  ['Building Blocks', 'toys', 183448, 'Building Toys', 1800, 9, 120, 'Creative|Compatible|Large|Educational|Technic', '500 Pieces|1000 Pieces|2000 Pieces', 'Bausteine'],
  ['RC Car', 'toys', 182185, 'RC Cars', 1050, 18, 240, 'Off Road|High Speed|4WD|Waterproof|Drift', '1:10|1:16|1:18|1:24', 'Ferngesteuertes Auto'],
  ['Drone', 'toys', 182186, 'Camera Drones', 780, 28, 390, 'Foldable|4K|GPS|Brushless|Mini', '1 Battery|2 Batteries|3 Batteries', 'Drohne'],
  ['Board Game', 'toys', 180349, 'Board Games', 1400, 10, 80, 'Family|Strategy|Cooperative|Party|Deluxe', '2 Players|2-4 Players|4-8 Players', 'Brettspiel'],
  ['Jigsaw Puzzle', 'toys', 19183, 'Puzzles', 1650, 6, 45, 'Wooden|Landscape|Panorama|Difficult', '500 Pieces|1000 Pieces|2000 Pieces', 'Puzzle'],
  ['Plush Toy', 'toys', 230, 'Stuffed Animals', 1900, 5, 60, 'Soft|Giant|Weighted|Cute', '20cm|30cm|50cm|80cm', 'Kuscheltier'],
  ['Baby Carrier', 'baby', 100982, 'Carriers', 560, 18, 160, 'Ergonomic|Breathable|Newborn|Hip Seat', '0-36 Months|3-48 Months', 'Babytrage'],
  ['Vintage Camera', 'collectables', 15230, 'Film Cameras', 1150, 18, 420, 'Working|Untested|with Lens|35mm|Folding', '1950s|1960s|1970s|1980s', 'Filmkamera'],
  ['Trading Card', 'collectables', 183454, 'Collectible Card Games', 5200, 1, 220, 'Holo|Rare|First Edition|Promo|Mint', 'English|Japanese|German', 'Sammelkarte'],
  ['Slide Rule', 'collectables', 13906, 'Calculators', 5, 14, 90, 'Vintage|with Case|Bamboo', '10 inch|12 inch', 'Rechenschieber'],
  ['Fountain Pen', 'collectables', 966, 'Pens', 720, 8, 180, 'Vintage|Gold Nib|Piston|Resin', 'Fine|Medium|Broad', 'Füller'],
];
