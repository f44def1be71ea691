"""Kinds of wording that real reports hold, many cases of each: written from how people dictate, not from the rules."""

import itertools
import time

import pytest

from gkmvlp.entities import ENTITIES
from gkmvlp.report.labeler import label_report, statuses
from gkmvlp.report.sections import report_text

P, A, U = 1, 0, -1
KINDS: dict[str, list[tuple[str, dict[str, int]]]] = {
    "doubt behind a comma": [
        ("Left lower lobe opacity, cannot exclude pneumonia.", {"lung opacity": P, "pneumonia": U}),
        ("Cardiomegaly, possible edema.", {"cardiomegaly": P, "edema": U}),
        ("Small right effusion, infection not excluded.", {"pleural effusion": P, "pneumonia": U}),
        ("No effusion, cannot rule out a small pneumothorax.", {"pleural effusion": A, "pneumothorax": U}),
        ("Bibasilar atelectasis, less likely pneumonia.", {"atelectasis": P, "pneumonia": U}),
        ("Bibasilar atelectasis; superimposed infection is difficult to exclude.", {"atelectasis": P, "pneumonia": U}),
        ("Pneumonia is less likely but not entirely excluded.", {"pneumonia": U}),
        ("Pneumonia is thought unlikely but cannot be ruled out.", {"pneumonia": U}),
        ("A tiny pneumothorax is not entirely excluded.", {"pneumothorax": U}),
        ("Edema is felt to be less likely.", {"edema": U}),
        ("No definite pneumothorax, although a tiny one cannot be excluded.", {"pneumothorax": U}),
        ("Suspected pneumonia, effusion is present.", {"pneumonia": U, "pleural effusion": P}),
        ("Atelectasis is favored over pneumonia.", {"atelectasis": U, "pneumonia": U}),
        ("Pneumothorax, if present, is tiny.", {"pneumothorax": U}),
        ("Effusion, if any, is small.", {"pleural effusion": U}),
        ("A small effusion is likely present.", {"pleural effusion": U}),
        ("Pneumonia cannot be confirmed.", {"pneumonia": U}),
        ("Question whether there is a nodule.", {"nodule": U}),
        ("Cannot tell whether there is an effusion.", {"pleural effusion": U}),
        ("Pneumonia should be excluded clinically.", {}),
        ("Cannot exclude left effusion or retrocardiac consolidation.", {"pleural effusion": U, "consolidation": U}),
    ],
    "a negation ends at a comma or clause": [
        ("No pneumothorax, left basilar atelectasis.", {"pneumothorax": A, "atelectasis": P}),
        ("No pneumothorax, bilateral effusions.", {"pneumothorax": A, "pleural effusion": P}),
        ("No effusion, the heart is enlarged.", {"pleural effusion": A, "cardiomegaly": P}),
        ("No effusion and the heart remains enlarged.", {"pleural effusion": A, "cardiomegaly": P}),
        ("No consolidation is seen and a right effusion has developed.", {"consolidation": A, "pleural effusion": P}),
        ("There is no pneumothorax and there is a small effusion.", {"pneumothorax": A, "pleural effusion": P}),
        ("No focal consolidation, pleural effusion, pneumothorax.",
         {"consolidation": A, "pleural effusion": A, "pneumothorax": A}),
        ("No pneumothorax, edema improving.", {"pneumothorax": A, "edema": P}),
        ("Without effusion, cardiomegaly is stable.", {"pleural effusion": A, "cardiomegaly": P}),
        ("No fracture, patchy opacity at the left base.", {"fracture": A, "lung opacity": P}),
        ("The effusion persists, no pneumothorax.", {"pleural effusion": P, "pneumothorax": A}),
        ("Free of edema; nodule in the left apex.", {"edema": A, "nodule": P}),
        ("There is no pulmonary edema, pneumonia, or effusion, only mild atelectasis.",
         {"edema": A, "pneumonia": A, "pleural effusion": A, "atelectasis": P}),
        ("No pneumothorax identified, bibasilar opacities are unchanged.", {"pneumothorax": A, "lung opacity": P}),
        ("No pneumothorax - small effusion - mild edema", {"pneumothorax": A, "pleural effusion": P, "edema": P}),
        ("No pneumothorax / small effusion", {"pneumothorax": A, "pleural effusion": P}),
        ("Lungs are hyperinflated but clear.", {"hyperinflation": P, "consolidation": A, "lung opacity": A}),
        ("The heart is enlarged but not the lung volumes.", {"cardiomegaly": P}),
        ("Heart size is not increased.", {"cardiomegaly": A}),
        ("The effusion is not increased.", {"pleural effusion": P}),
        ("No acute infiltrate, stable cardiomegaly, small left effusion.",
         {"infiltration": A, "cardiomegaly": P, "pleural effusion": P}),
    ],
    "other times": [
        ("Left base opacity not seen on the prior study.", {"lung opacity": P}),
        ("Right effusion, which was not present on the previous radiograph.", {"pleural effusion": P}),
        ("New nodule that was not visible on the earlier film.", {"nodule": P}),
        ("There is a consolidation not previously seen.", {"consolidation": P}),
        ("A pneumothorax has not developed.", {"pneumothorax": A}),
        ("The effusion has not recurred.", {"pleural effusion": A}),
        ("Pleural effusions have not reaccumulated.", {"pleural effusion": A}),
        ("Edema is no longer evident.", {"edema": A}),
        ("Interval development of right lower lobe consolidation.", {"consolidation": P}),
        ("The opacity at the right base has not changed.", {"lung opacity": P}),
        ("Nodule seen on prior CT is not visualized.", {"nodule": A}),
        ("Previous pneumonia has cleared.", {"pneumonia": A}),
        ("Prior right pneumonia is improved.", {"pneumonia": P}),
        ("Pneumothorax seen previously is no longer present.", {"pneumothorax": A}),
        ("Resolved edema, persistent effusions.", {"edema": A, "pleural effusion": P}),
        ("Removal of the chest tube, unchanged effusion.", {"chest tube": A, "pleural effusion": P}),
        ("Resolution of edema, effusion and pneumonia.", {"edema": A, "pleural effusion": A, "pneumonia": A}),
        ("Effusions can't be seen.", {"pleural effusion": A}),
        ("Not a new finding: left effusion.", {"pleural effusion": P}),
    ],
    "recommendations": [
        ("Please correlate clinically for pneumonia.", {}),
        ("Clinical correlation for pneumonia is recommended.", {}),
        ("Recommend CT to evaluate for nodule.", {}),
        ("Follow-up radiographs are recommended to ensure resolution of the opacity.", {}),
        ("Follow up to resolution is suggested to exclude an underlying mass.", {}),
        ("CT of the chest is advised for evaluation of possible malignancy.", {}),
        ("Consider CT if there is concern for fracture.", {}),
        ("Correlate with signs of infection.", {}),
        ("Repeat radiograph in 6 weeks to document clearing of pneumonia.", {}),
        ("If rib fracture is suspected, dedicated rib views are recommended.", {}),
        ("Left base opacity, recommend follow-up to exclude pneumonia.", {"lung opacity": P}),
        ("A 2 cm nodule, for which CT is recommended.", {"nodule": P}),
        ("Small nodule; CT would be helpful.", {"nodule": P}),
        ("CT would be helpful to assess for interstitial lung disease.", {}),
        ("A lateral view may be obtained to look for effusion.", {}),
        ("Right effusion is noted; clinical correlation is advised.", {"pleural effusion": P}),
        ("Right lower lobe pneumonia, follow up to resolution recommended.", {"pneumonia": P}),
        ("There is a nodule in the left upper lobe and CT is recommended for further evaluation.", {"nodule": P}),
        ("Evaluation of the lungs shows a small effusion.", {"pleural effusion": P}),
        ("Follow-up chest radiograph shows improved edema.", {"edema": P}),
    ],
    "limits of the technique": [
        ("Evaluation for pneumothorax is limited by supine position.", {}),
        ("Sensitivity for small effusions is reduced.", {}),
        ("Small effusions could be missed on this single view.", {}),
        ("Nondisplaced rib fractures may not be visible.", {}),
        ("Supine technique limits the detection of pneumothorax.", {}),
        ("Pneumothorax cannot be assessed on this film.", {}),
        ("This examination is not sensitive for rib fractures.", {}),
        ("A small pneumothorax may be obscured by the overlying tubes.", {}),
        ("Assessment for edema is suboptimal because of motion.", {}),
        ("The study is limited for evaluation of consolidation.", {}),
    ],
    "limits that are answered": [
        ("Technique limits detection of effusion, none seen.", {"pleural effusion": A}),
        ("Supine technique limits the detection of pneumothorax, none is seen.", {"pneumothorax": A}),
        ("Evaluation for pneumothorax is limited, none identified.", {"pneumothorax": A}),
        ("Limited evaluation for fracture; none is visible.", {"fracture": A}),
        ("Although technique limits detection of pneumothorax, none is evident.", {"pneumothorax": A}),
        ("Technique limits the detection of effusion but none is definitely seen.", {"pleural effusion": A}),
        ("Technique limits detection of pneumothorax and effusion, neither is seen.",
         {"pneumothorax": A, "pleural effusion": A}),
        ("Supine technique limits detection of pneumothorax, which is not seen.", {"pneumothorax": A}),
        ("Overlying hardware limits detection of fractures, with none seen.", {"fracture": A, "support device": P}),
        ("Low lung volumes limit detection of infiltrate, none is seen.", {"infiltration": A, "low lung volumes": P}),
        ("Small effusions could be missed on this view, none is seen.", {"pleural effusion": A}),
        ("Motion impairs assessment of the lungs for nodules, none is noted.", {"nodule": A}),
        ("Evaluate for pneumothorax, none seen.", {"pneumothorax": A}),
        ("Technique limits detection of effusion, although one is seen on the left.", {}),
        ("Technique limits detection of pneumothorax, a small effusion is seen.", {"pleural effusion": P}),
        ("Technique limits detection of effusion, no mass is seen.", {"mass": A}),
        ("Pneumothorax cannot be excluded, although none is seen.", {"pneumothorax": U}),
    ],
    "limits in other words": [
        ("The detection of small effusions is limited.", {}),
        ("Visualization of nodules is markedly reduced.", {}),
        ("Motion hampers the detection of edema.", {}),
        ("Rotation precludes assessment for consolidation.", {}),
        ("There is limited detectability of pneumothorax.", {}),
        ("Pneumothorax assessment is limited by rotation.", {}),
        ("Pneumothorax and effusion evaluation is suboptimal.", {}),
        ("Portable technique makes detection of effusion difficult.", {}),
        ("Overlying soft tissue makes it difficult to detect a nodule.", {}),
        ("The supine position decreases the ability to detect pneumothorax.", {}),
        ("Effusion is present; evaluation of the heart is limited.", {"pleural effusion": P}),
        ("There is a right effusion, assessment is limited.", {"pleural effusion": P}),
        ("The effusion is limited to the right base.", {"pleural effusion": P}),
        ("The effusion is reduced.", {"pleural effusion": P}),
        ("Decreased visualization of the nodule.", {"nodule": P}),
    ],
    "none of another place or time": [
        ("Right effusion, none seen on the left.", {"pleural effusion": P}),
        ("There is an effusion on the left, none on the right.", {"pleural effusion": P}),
        ("Left effusion, with none on the right.", {"pleural effusion": P}),
        ("Several nodules, none seen on the prior study.", {"nodule": P}),
        ("Edema, none seen previously.", {"edema": P}),
        ("Several nodules, none of which is calcified.", {"nodule": P}),
        ("Effusion: none on the left.", {"pleural effusion": A}),
        ("Effusions, none seen.", {"pleural effusion": A}),
    ],
    "no increase": [
        ("No increase in heart size.", {"cardiomegaly": A}),
        ("No significant increase in cardiac size.", {"cardiomegaly": A}),
        ("There has been no increase in the size of the cardiac silhouette.", {"cardiomegaly": A}),
        ("The heart shows no increase in size.", {"cardiomegaly": A}),
        ("Heart size: no increase.", {"cardiomegaly": A}),
        ("No increased heart size.", {"cardiomegaly": A}),
        ("Without evidence of increase in mediastinal width.", {"enlarged mediastinum": A}),
        ("No increase in interstitial markings.", {"interstitial lung disease": A}),
        ("No increase in pulmonary vascularity.", {"vascular congestion": A}),
        ("No interval increase in heart size.", {}),
        ("No increase in heart size since the prior study.", {}),
        ("Increase in heart size.", {}),
        ("Increased heart size.", {"cardiomegaly": P}),
        ("No increase in the enlarged heart.", {"cardiomegaly": P}),
        ("No increase in cardiomegaly.", {"cardiomegaly": P}),
        ("No change in the increased heart size.", {"cardiomegaly": P}),
        ("The heart is not only enlarged but globular.", {"cardiomegaly": P}),
        ("No increase in the right effusion.", {"pleural effusion": P}),
        ("Cardiac silhouette is stable, no increase in right pleural effusion.", {"pleural effusion": P}),
        ("No increase in lung volumes.", {}),
    ],
    "an organ ends at a semicolon": [
        ("Heart is stable; enlarged lymph nodes.", {}),
        ("Heart is unchanged; bones are intact.", {"fracture": A}),
        ("Heart is unchanged;enlarged right hilum", {"hilar enlargement": P}),
        ("Heart is normal; lungs are clear.", {"cardiomegaly": A, "consolidation": A, "lung opacity": A}),
    ],
    "questions and indications": [
        ("Is there a pneumothorax?", {}),
        ("Any evidence of effusion?", {}),
        ("Indication: pneumonia.", {}),
        ("Reason for exam: chest tube placement, pneumothorax.", {}),
        ("Clinical history: lung cancer.", {}),
        ("62-year-old man with pneumonia.", {}),
        ("45 yo F with heart failure, now short of breath.", {}),
        ("Rule out fracture.", {}),
        ("Question: pneumonia?", {}),
        ("Clinical concern for aspiration.", {}),
        ("Patient with a history of fibrosis.", {}),
        ("Assess for interval change in effusion.", {}),
    ],
    "operations": [
        ("Status post left lower lobectomy for carcinoma.", {}),
        ("Right upper lobe resection for lung cancer.", {}),
        ("Surgical clips from mastectomy for breast cancer.", {}),
        ("Prior hiatal hernia repair.", {}),
        ("Resected lung cancer.", {}),
        ("Postoperative changes of wedge resection of a nodule.", {}),
        ("Status post treatment of pneumonia, with residual scarring.", {"scarring": P}),
        ("Left lobectomy for tumor, no effusion.", {"pleural effusion": A}),
        ("Changes of radiation therapy for lung cancer.", {}),
        ("Chest tube placed for pneumothorax, which has resolved.",
         {"chest tube": P, "support device": P, "pneumothorax": A}),
        ("Lobectomy changes on the right with small effusion.", {"pleural effusion": P}),
    ],
    "sequelae": [
        ("Calcified granuloma of an old infection.", {"calcified granuloma": P}),
        ("Scarring from prior pneumonia.", {"scarring": P}),
        ("Calcified lymph nodes, compatible with remote granulomatous infection.", {"calcified granuloma": P}),
        ("Apical scarring as a sequela of previous infection.", {"scarring": P}),
        ("Pleural thickening related to an old empyema.", {"pleural thickening": P}),
        ("Findings of prior granulomatous disease.", {"calcified granuloma": P}),
        ("Post-infectious scarring at the left base.", {"scarring": P}),
        ("Volume loss after previous pneumonia.", {"atelectasis": P}),
    ],
    "templates": [
        ("Effusion: none.", {"pleural effusion": A}),
        ("Pleural effusion: negative.", {"pleural effusion": A}),
        ("Pneumothorax: No", {"pneumothorax": A}),
        ("Consolidation: absent", {"consolidation": A}),
        ("Edema - none", {"edema": A}),
        ("Fracture: not seen.", {"fracture": A}),
        ("Effusion: small, left.", {"pleural effusion": P}),
        ("Pneumothorax: present", {"pneumothorax": P}),
        ("Cardiomegaly: yes", {"cardiomegaly": P}),
        ("Nodule: possible", {"nodule": U}),
        ("Effusion: none, Pneumothorax: none, Edema: mild",
         {"pleural effusion": A, "pneumothorax": A, "edema": P}),
        ("Effusion: no; Consolidation: yes", {"pleural effusion": A, "consolidation": P}),
        ("Effusion (-), pneumothorax (-)", {"pleural effusion": A, "pneumothorax": A}),
        ("[ ] effusion [x] cardiomegaly", {"pleural effusion": A, "cardiomegaly": P}),
        ("Pneumothorax:None\nEffusion:None", {"pneumothorax": A, "pleural effusion": A}),
        ("Heart: enlarged. Lungs: clear.", {"cardiomegaly": P, "consolidation": A, "lung opacity": A}),
        ("Pneumothorax? No.", {"pneumothorax": A}),
        ("Pulmonary edema..........none", {"edema": A}),
        ("(-) pneumothorax (+) effusion", {"pneumothorax": A, "pleural effusion": P}),
        ("PTX: (-), eff: (+)", {"pneumothorax": A, "pleural effusion": P}),
        ("Effusion (+) edema (-) pneumothorax (-)", {"pleural effusion": P, "edema": A, "pneumothorax": A}),
        ("PTX neg, eff pos", {"pneumothorax": A, "pleural effusion": P}),
        ("pneumothorax -, edema +", {"pneumothorax": A, "edema": P}),
        ("Negatives: effusion, pneumothorax", {"pleural effusion": A, "pneumothorax": A}),
        ("Pneumothorax: [ ] Yes [X] No", {"pneumothorax": A}),
        ("Pneumothorax [x] yes [ ] no", {"pneumothorax": P}),
        ("Pneumothorax: n/a", {}),
        ("Nodule: not assessed", {}),
        ("Effusion? Yes, small on the left.", {"pleural effusion": P}),
        ("Q: Pneumothorax? A: None.", {"pneumothorax": A}),
        ("Pneumonia? Possible. Effusion? Definite.", {"pneumonia": U, "pleural effusion": P}),
        ("Heart - normal", {"cardiomegaly": A}),
        ("Pneumothorax - No\nEffusion - Yes\nEdema - Possible",
         {"pneumothorax": A, "pleural effusion": P, "edema": U}),
        ("Consolidation = no", {"consolidation": A}),
    ],
    "shorthand": [
        ("Neg for ptx.", {"pneumothorax": A}),
        ("Lungs clear w/o eff.", {"consolidation": A, "lung opacity": A, "pleural effusion": A}),
        ("No ptx or eff.", {"pneumothorax": A, "pleural effusion": A}),
        ("Bibasilar atx.", {"atelectasis": P}),
        ("R>L effusions.", {"pleural effusion": P}),
        ("? RLL infiltrate.", {"infiltration": U}),
        ("?pneumonia at the left base", {"pneumonia": U}),
        ("RLL infiltrate?", {"infiltration": U}),
        ("LLL opac c/w pna.", {"lung opacity": P, "pneumonia": P}),
        ("Sm L eff w/ atx.", {"pleural effusion": P, "atelectasis": P}),
        ("No PTX/effusion.", {"pneumothorax": A, "pleural effusion": A}),
        ("s/p ETT placement, no ptx.", {"endotracheal tube": P, "support device": P, "pneumothorax": A}),
        ("Neg for acute fx.", {"fracture": A}),
        ("poss LLL consol", {"consolidation": U}),
        ("r/o pna", {}),
        ("cannot r/o pna", {"pneumonia": U}),
        ("atelectasis v. pneumonia", {"atelectasis": U, "pneumonia": U}),
        ("atelectasis v pneumonia", {"atelectasis": U, "pneumonia": U}),
        ("No eff/ptx", {"pleural effusion": A, "pneumothorax": A}),
        ("neg pneumothorax", {"pneumothorax": A}),
        ("Exam is -ve for edema", {"edema": A}),
        ("\u00d8 pneumothorax", {"pneumothorax": A}),
        ("Opacity in the right base, pneumonia?", {"lung opacity": P, "pneumonia": U}),
        ("no effusion,no pneumothorax,mild edema", {"pleural effusion": A, "pneumothorax": A, "edema": P}),
        ("h/o CHF", {}),
    ],
    "words": [
        ("Tortuosity of the descending aorta.", {"tortuous aorta": P}),
        ("There is mild tortuosity to the descending thoracic aorta.", {"tortuous aorta": P}),
        ("A tortuous, calcified thoracic aorta.", {"tortuous aorta": P, "aortic calcification": P}),
        ("Patchy right lower lobe airspace disease.", {"lung opacity": P}),
        ("No focal airspace disease.", {"lung opacity": A, "consolidation": A}),
        ("Changes of COPD.", {"hyperinflation": P}),
        ("Hyperinflated lungs.", {"hyperinflation": P}),
        ("Emphysematous changes at the apices.", {"emphysema": P}),
        ("Nodular density in the left upper lobe.", {"lung opacity": P, "nodule": P}),
        ("Cystic fibrosis with bronchiectasis.", {"bronchiectasis": P}),
        ("Diffuse reticular opacities.", {"interstitial lung disease": P, "lung opacity": P}),
        ("Thickening of the minor fissure.", {"pleural thickening": P}),
        ("Normal size and configuration of the heart.", {"cardiomegaly": A}),
        ("The mediastinum is normal the lungs are hypoinflated.", {"enlarged mediastinum": A, "low lung volumes": P}),
        ("Heart size, mediastinal and aortic contours are within normal limits.",
         {"cardiomegaly": A, "enlarged mediastinum": A}),
        ("Respiratory failure.", {}),
        ("No evidence of failure or pneumonia.", {"edema": A, "pneumonia": A}),
        ("Breast carcinoma.", {}),
        ("Lucent lungs.", {}),
        ("Atelectasis/infiltrate at the left base.", {"atelectasis": U, "infiltration": U}),
        ("Emphysema/COPD.", {"emphysema": P, "hyperinflation": P}),
        ("Nodular densities consistent with nipple shadows.", {"lung opacity": P}),
        ("Blunting of the costophrenic angle from scarring.", {"scarring": P}),
    ],
    "doubt behind a negation": [
        ("No effusion, infection not excluded.", {"pleural effusion": A, "pneumonia": U}),
        ("No evidence of pneumothorax, effusion cannot be excluded.", {"pneumothorax": A, "pleural effusion": U}),
        ("No definite consolidation, subtle infiltrate not excluded.", {"consolidation": A, "infiltration": U}),
        ("Absence of consolidation does not exclude pneumonia.", {"consolidation": A, "pneumonia": U}),
        ("No mass, nodule or effusion is seen.", {"mass": A, "nodule": A, "pleural effusion": A}),
        ("Increased opacity in the right base, not excluding pneumonia.", {"lung opacity": P, "pneumonia": U}),
        ("Pleural effusion is neither confirmed nor excluded.", {"pleural effusion": U}),
        ("Effusion cannot definitely be excluded.", {"pleural effusion": U}),
        ("Not clearly a nodule.", {"nodule": U}),
        ("I doubt pneumonia.", {"pneumonia": U}),
        ("There is little evidence of pneumonia.", {"pneumonia": A}),
        ("Findings are inconsistent with edema.", {"edema": A}),
        ("Pneumonia until proven otherwise.", {"pneumonia": U}),
        ("Atypical for pneumonia.", {"pneumonia": U}),
        ("Would be consistent with pneumonia.", {"pneumonia": U}),
        ("Effusion with or without atelectasis.", {"pleural effusion": P, "atelectasis": U}),
        ("Without doubt there is an effusion.", {"pleural effusion": P}),
        ("Maybe due to fibrosis.", {"fibrosis": U}),
        ("The nodule may have been secondary to summation of structures.", {"nodule": U}),
    ],
    "no change in several": [
        ("No significant change in right pneumothorax or pleural fluid.", {"pneumothorax": P, "pleural effusion": P}),
        ("No change in effusion, edema or atelectasis.", {"pleural effusion": P, "edema": P, "atelectasis": P}),
        ("No interval worsening of edema or effusion.", {"edema": P, "pleural effusion": P}),
        ("Unchanged effusion or atelectasis.", {"pleural effusion": U, "atelectasis": U}),
    ],
    "dated studies": [
        ("Nodule, not present on CT of 2019.", {"nodule": P}),
        ("Nodule, not visible on the radiograph from last year.", {"nodule": P}),
        ("No nodule was seen on the prior exam.", {}),
        ("No nodule was seen.", {"nodule": A}),
    ],
    "what may hide or once was": [
        ("Bony overlap could obscure a small nodule.", {}),
        ("Overlying leads may obscure a nodule.", {}),
        ("Findings may represent sequela of infection.", {}),
        ("Findings consistent with previous active pulmonary tuberculosis pneumonia.", {}),
        ("Healed infection with residual scarring.", {"scarring": P}),
        ("Remote pneumonia.", {}),
        ("Lung cancer status post resection.", {}),
        ("Postsurgical changes from lung cancer resection.", {}),
        ("Patient had pneumonia last year.", {}),
        ("She has been treated for pneumonia.", {}),
        ("The patient has been intubated.", {"endotracheal tube": P, "support device": P}),
        ("In a patient with known COPD, no pneumonia.", {"pneumonia": A}),
        ("Ordering diagnosis: pneumonia.", {}),
        ("Plan: CT for nodule.", {}),
        ("Prior fracture repair with hardware.", {"support device": P}),
        ("Failure of the effusion to resolve.", {"pleural effusion": P}),
    ],
    "more templates": [
        ("Pleural effusion: no evidence of", {"pleural effusion": A}),
        ("Pneumothorax: denied", {"pneumothorax": A}),
        ("Effusion ... absent", {"pleural effusion": A}),
        ("Effusion ..... none", {"pleural effusion": A}),
        ("Effusion: without", {"pleural effusion": A}),
        ("Effusion: none significant", {"pleural effusion": A}),
        ("Effusion: negative for", {"pleural effusion": A}),
        ("Effusion: normal", {"pleural effusion": A}),
        ("Heart: normal", {"cardiomegaly": A}),
        ("Effusion: true; edema: false", {"pleural effusion": P, "edema": A}),
        ("Pneumonia: questionable RLL", {"pneumonia": U}),
        ("Effusion [No]", {"pleural effusion": A}),
        ("Effusion: [ ] Edema: [x]", {"pleural effusion": A, "edema": P}),
        ("Lungs: possible pneumonia", {"pneumonia": U}),
    ],
    "more shorthand": [
        ("No PTX. No eff. Mild CM.", {"pneumothorax": A, "pleural effusion": A, "cardiomegaly": P}),
        ("s/p CABG, stable CM, no CHF", {"cardiomegaly": P, "edema": A}),
        ("ETT 4 cm above the carina.", {"endotracheal tube": P, "support device": P}),
        ("Lungs clear, -ptx, -eff.",
         {"consolidation": A, "lung opacity": A, "pneumothorax": A, "pleural effusion": A}),
        ("c/f LLL pna", {"pneumonia": U}),
        ("atelectasis +/- pneumonia", {"atelectasis": P, "pneumonia": U}),
        ("w/out effusion", {"pleural effusion": A}),
        ("hyperinfl lungs", {"hyperinflation": P}),
        ("-ptx", {"pneumothorax": A}),
        ("-PTX, small eff", {"pneumothorax": A, "pleural effusion": P}),
        ("No edema. -ptx.", {"edema": A, "pneumothorax": A}),
        ("no edema\n-ptx\n-eff", {"edema": A, "pneumothorax": A, "pleural effusion": A}),
        ("-ptx or eff", {"pneumothorax": A, "pleural effusion": A}),
        ("-PTX stable\n-Edema improved", {"pneumothorax": P, "edema": P}),
        ("- ptx on the left", {"pneumothorax": P}),
        ("No acute cardiopulm process", {"consolidation": A, "edema": A, "pneumonia": A}),
    ],
    "more words": [
        ("Wedge compression of T8.", {"fracture": P}),
        ("No loss of vertebral body height.", {"fracture": A}),
        ("Mild degeneration of the thoracic spine.", {"degenerative spine": P}),
        ("Calcified right upper lobe nodule.", {"calcified granuloma": P}),
        ("A noncalcified right upper lobe nodule.", {"nodule": P}),
        ("The nodule appears calcified.", {"calcified granuloma": P}),
        ("Granulomatous nodule in the left midlung.", {"calcified granuloma": P}),
        ("Reticular-nodular opacities.", {"interstitial lung disease": P, "lung opacity": P}),
        ("Nodular right lower lobe opacity, likely a nipple.", {"lung opacity": P}),
        ("Extensive pleural densities on the right.", {}),
        ("Lungs are clear airspace disease.", {"consolidation": A, "lung opacity": A}),
        ("Blunting of the costophrenic XXXX consistent with a small effusion.", {"pleural effusion": P}),
    ],
    "forms": [
        ("SUMMARY: 2-ABNORMAL, PREVIOUSLY REPORTED.", {}),
        ("I have personally reviewed the images of this pneumothorax study and agree.", {}),
    ],
}  # fmt: skip
CASES = [(kind, text, expected) for kind, rows in KINDS.items() for text, expected in rows]


def said(text: str) -> dict[str, int]:
    status_E = statuses(label_report(text))
    return {entity.name: int(status) for entity, status in zip(ENTITIES, status_E, strict=True) if status != -2}


@pytest.mark.parametrize(("kind", "text", "expected"), CASES)
def test_kind(kind: str, text: str, expected: dict[str, int]) -> None:
    assert said(text) == expected


def test_r_greater_than_l_is_both_sides() -> None:
    (mention,) = label_report("R>L effusions.")
    assert mention.side == "bilateral"


LAYOUTS = [
    ("Indication: pneumonia. Findings: small effusion. Impression: effusion.", {"pleural effusion": P}),
    ("indication: chest pain findings: edema impression: no effusion", {"edema": P, "pleural effusion": A}),
    ("CLINICAL INDICATION: mass? COMPARISON: none FINDINGS: effusion IMPRESSION: effusion", {"pleural effusion": P}),
    ("**Findings:** Edema.\n**Impression:** No mass.", {"edema": P, "mass": A}),
    ("## Findings\nEdema.\n\n## Impression\nNo mass.", {"edema": P, "mass": A}),
    ("FINDINGS - Edema.\nIMPRESSION - No mass.", {"edema": P, "mass": A}),
    ("- Edema\n- No mass\n- Effusion: none", {"edema": P, "mass": A, "pleural effusion": A}),
    ("* Edema\n* No mass", {"edema": P, "mass": A}),
    ("\u2022 Edema \u2022 No mass", {"edema": P, "mass": A}),
    ("1) Edema 2) No mass 3) Possible nodule", {"edema": P, "mass": A, "nodule": U}),
    ("1. Edema\n2. No mass\n3. Possible nodule", {"edema": P, "mass": A, "nodule": U}),
    ("Edema\nNo mass\nPossible nodule", {"edema": P, "mass": A, "nodule": U}),
    ("edema\nno mass\npossible nodule", {"edema": P, "mass": A, "nodule": U}),
    ("No mass.Edema is present.no effusion", {"mass": A, "edema": P, "pleural effusion": A}),
    ("No mass There is edema The heart is large", {"mass": A, "edema": P, "cardiomegaly": P}),
    ("No mass\n\nEdema is present.\n\nThe heart is large.", {"mass": A, "edema": P, "cardiomegaly": P}),
    ("NO MASS.\n\nEDEMA IS PRESENT.", {"mass": A, "edema": P}),
    ("EDEMA: NONE\nMASS: NONE\nHEART: LARGE", {"edema": A, "mass": A, "cardiomegaly": P}),
    ("There is edema.\nIMPRESSION: No mass.", {"edema": P, "mass": A}),
    ("Technique: PA. Comparison: none. There is edema.", {"edema": P}),
    ("Edema.<br>No mass.", {"edema": P, "mass": A}),
    ("IMPRESSION: NO EDEMA. SUMMARY: 2-ABNORMAL, PREVIOUSLY REPORTED", {"edema": A}),
    ("Hx - pneumothorax\nResult - no edema", {"edema": A}),
    ("FINDINGS: Edema.\nElectronically signed by Dr. A. Mass", {"edema": P}),
    (
        "no mass in either of the apices, which are seen in full this time\nthe heart is large\n"
        "edema in both bases of the lungs\nthis is a small effusion",
        {"mass": A, "cardiomegaly": P, "edema": P, "pleural effusion": P},
    ),
    (
        "no focal consolidation, pleural effusion, or definite edema in\nthe lower lobes of both lungs, and no sign of "
        "a mass or of any\nnodule in the upper ones",
        {"consolidation": A, "pleural effusion": A, "edema": A, "mass": A, "nodule": A},
    ),
    (
        "There is no evidence of a non-\ncalcified nodule, and the cardio-\nmediastinal silhouette is normal.",
        {"nodule": A, "cardiomegaly": A, "enlarged mediastinum": A},
    ),
    ("Edema\tNo\nEffusion\tYes", {"edema": A, "pleural effusion": P}),
    ("Edema | No\nEffusion | Yes", {"edema": A, "pleural effusion": P}),
    ("FINDINGS: Edema.\nI have personally reviewed the images and agree about the mass.", {"edema": P}),
    ("a) no edema b) small effusion c) no mass", {"edema": A, "pleural effusion": P, "mass": A}),
    ("findings - no effusion impression - edema", {"pleural effusion": A, "edema": P}),
    ("Impression: no edema. Plan: CT for mass.", {"edema": A}),
]


@pytest.mark.parametrize(("text", "expected"), LAYOUTS)
def test_layout(text: str, expected: dict[str, int]) -> None:
    assert said(report_text(text)) == expected


# Statements whose statuses stay what they are, whatever stands beside them.
STATEMENTS = (
    "no pneumothorax", "small left effusion", "the heart is enlarged", "lungs are clear", "cannot exclude pneumonia",
    "history of pneumonia", "no pneumothorax or effusion", "possible nodule", "edema has resolved", "normal heart size",
    "enlarged right hilum", "no fracture is seen", "technique limits detection of fracture", "large hiatal hernia",
    "consolidation may represent pneumonia", "et tube in place", "degenerative changes of the spine",
    "no effusion on the left",
)  # fmt: skip
_RANK = {A: 0, U: 1, P: 2}


@pytest.mark.parametrize("joined", ["; ", ";", " ; ", ";\n", "\n", "\r\n", ".\n"])
@pytest.mark.parametrize("case", ["lower", "capitals", "first of all", "first of each"])
def test_two_statements_say_what_each_says(joined: str, case: str) -> None:
    alone = {text: said(text) for text in STATEMENTS}
    for first, second in itertools.permutations(STATEMENTS, 2):
        if case in ("lower", "first of all"):
            text = first + joined + second
            text = text if case == "lower" else text[0].upper() + text[1:]
        else:
            text = joined.join(part.upper() if case == "capitals" else part.capitalize() for part in (first, second))
        both = [alone[first], alone[second]]
        expected = {name: max((one[name] for one in both if name in one), key=_RANK.__getitem__)
                    for name in both[0] | both[1]}  # fmt: skip
        assert said(text) == expected, text


WRAPPED = [
    ("There is no focal\nconsolidation.", {"consolidation": A}),
    ("There is no focal consolidation, pleural\neffusion or pneumothorax.",
     {"consolidation": A, "pleural effusion": A, "pneumothorax": A}),
    ("No consolidation\nto suggest pneumonia.", {"consolidation": A, "pneumonia": A}),
    ("No opacity\nsuggesting pneumonia.", {"lung opacity": A, "pneumonia": A}),
    ("No pneumothorax\nor effusion.", {"pneumothorax": A, "pleural effusion": A}),
    ("No evidence of\nedema.", {"edema": A}),
    ("Cannot exclude a small\neffusion.", {"pleural effusion": U}),
    ("No mass, nodule,\nconsolidation.", {"mass": A, "nodule": A, "consolidation": A}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WRAPPED)
def test_a_sentence_goes_on_behind_a_line_break(text: str, expected: dict[str, int]) -> None:
    assert said(text) == expected
    assert said(text[0].lower() + text[1:]) == expected


LONG = [" " * 50_000, "effusion " * 25_000, "no effusion, " * 16_000, "\n" * 50_000, "(" * 50_000, "1. " * 60_000,
        "IMPRESSION: " * 15_000, "a" * 200_000, "no " * 66_000, "or " * 66_000, "* " * 50_000, "? " * 50_000,
        "effusion: none, " * 12_000, "the right left upper lobe " * 8_000]  # fmt: skip


@pytest.mark.parametrize("text", LONG, ids=lambda text: repr(text[:12]))
def test_time_grows_with_length_alone(text: str) -> None:
    start = time.process_time()
    label_report(report_text(f"Effusion.{text}"))
    label_report(text)
    assert time.process_time() - start < 2.0
